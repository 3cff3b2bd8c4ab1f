import assert from "node:assert/strict";
import { test } from "node:test";

import { MessageType, type Command } from "@holdfast/protocol";

import { inputHash } from "./input-hash.ts";

function set(text: string): Command {
  return { type: MessageType.SetState, key: "k", value: new TextEncoder().encode(text) };
}

test("the hash is that of FNV-1a, and tells inputs apart", () => {
  assert.equal(inputHash(set("")), 0x811c9dc5);
  assert.equal(inputHash(set("a")), 0xe40c292c);
  assert.equal(inputHash(set("foobar")), 0xbf9cf968);
});

test("a command that is given nothing has none", () => {
  assert.equal(inputHash({ type: MessageType.Run, completionId: 1, name: "a" }), undefined);
  const rejected = { kind: "failure", failure: { code: 500, message: "no" } } as const;
  const command: Command = { type: MessageType.CompletePromise, key: "p", result: rejected, completionId: 1 };
  assert.equal(inputHash(command), undefined);
});
