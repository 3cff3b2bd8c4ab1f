import assert from "node:assert/strict";
import { test } from "node:test";

import { callTarget } from "./call-target.ts";

test("two parts are a service and its handler", () => {
  const { ref, keyArgs } = callTarget("greeter/greet", undefined);
  assert.deepEqual([ref.service, ref.handler, ref.kind, keyArgs], ["greeter", "greet", "plain", []]);
});

test("what stands between service and handler is the key, slashes and all", () => {
  assert.deepEqual(callTarget("deploy/shop@42/run", undefined).keyArgs, ["shop@42"]);
  assert.deepEqual(callTarget("files/a/b/c/read", undefined).keyArgs, ["a/b/c"]);
  assert.deepEqual(callTarget("files/read", "..").keyArgs, [".."]);
});

test("what addresses nothing is refused", () => {
  for (const text of ["greeter", "/greet", "greeter/", ""]) assert.throws(() => callTarget(text, undefined));
  assert.throws(() => callTarget("files/a/read", "b"), /holds a key already/);
});
