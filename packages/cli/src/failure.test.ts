import assert from "node:assert/strict";
import { test } from "node:test";

import { HoldfastClientError } from "@holdfast/client";
import { DirectoryLockedError, LogCorruptError, LogVersionError, StoreCorruptError } from "@holdfast/server";

import { usageError } from "./cli-error.ts";
import { failureLines, failureOf } from "./failure.ts";
import { exitCodeOfFailure, startFailure } from "./server/start-failure.ts";

function answered(status: number, source: HoldfastClientError["source"]): HoldfastClientError {
  return new HoldfastClientError("It did not work", { code: "some-code", status, hint: "Do this.", source });
}

test("the exit code follows from what the server answered", () => {
  for (const [status, expected] of [
    [400, 1],
    [401, 1],
    [404, 3],
    [410, 3],
    [409, 4],
    [425, 4],
    [500, 1],
    [0, 5],
  ] as const) {
    assert.equal(failureOf(answered(status, "admin")).exitCode, expected, `status ${status}`);
  }
});

test("how a handler ended is exit code 1, whatever status it chose", () => {
  for (const status of [404, 409, 500]) assert.equal(failureOf(answered(status, "invocation")).exitCode, 1);
});

test("what keeps a server from starting has an exit code of its own", () => {
  const report = { file: "1.segment", offset: 100, position: 7, witness: "a later frame" };
  const inUse = Object.assign(new Error("listen EADDRINUSE"), {
    code: "EADDRINUSE",
    syscall: "listen",
    address: "127.0.0.1",
    port: 8080,
  });
  const forbidden = Object.assign(new Error("listen EACCES"), {
    code: "EACCES",
    syscall: "listen",
    port: 80,
  });
  const notADatabase = Object.assign(new Error("file is not a database"), { errcode: 26 });
  for (const [cause, exitCode, message] of [
    [inUse, 10, /127\.0\.0\.1:8080/],
    [forbidden, 10, /EACCES/],
    [new DirectoryLockedError("/data", { pid: 7, host: "here", since: "then" }), 11, /process 7/],
    [new LogCorruptError("batch 7 cannot be read", report), 12, /batch 7/],
    [new StoreCorruptError("row 7 is not", { file: "checkpoint.db", table: "objects" }), 12, /row 7/],
    [notADatabase, 12, /not a database/],
    [new LogVersionError("format 9"), 13, /format 9/],
  ] as const) {
    const failure = failureOf(startFailure(cause));
    assert.equal(failure.exitCode, exitCode, cause.message);
    assert.match(failure.message, message);
    assert.ok(!failure.message.includes("    at "), "no stack");
  }
  const other = new Error("something else");
  assert.equal(startFailure(other), other);
});

test("an engine whose data is damaged ends with another code than one that may be started again", () => {
  const damaged = new StoreCorruptError("row 7 is not", { file: "checkpoint.db", table: "objects" });
  assert.equal(exitCodeOfFailure(damaged), 12);
  assert.equal(exitCodeOfFailure(new Error("EIO")), 70);
});

test("only a defect of this program shows a stack", () => {
  assert.match(failureOf(new TypeError("x is not a function")).message, /at .*failure\.test/);
  const enoent = Object.assign(new Error("ENOENT: no such file"), { code: "ENOENT", syscall: "open" });
  assert.deepEqual(failureOf(enoent), { error: "ENOENT", message: "ENOENT: no such file", exitCode: 1 });
  assert.equal(failureOf("a text").message, "a text");
});

test("message, places, hint, id and code, in this order", () => {
  const error = new HoldfastClientError("The input does not match", {
    code: "input-invalid",
    status: 400,
    hint: "Look at the details.",
    source: "ingress",
    invocationId: "inv_1",
    details: {
      problems: [
        { at: "/a", message: "is missing" },
        { at: "", message: "is no\u001b[0m object" },
      ],
    },
  });
  assert.deepEqual(failureLines(failureOf(error)), [
    "Error: The input does not match",
    "       /a: is missing",
    "       is no\\u001b[0m object",
    "Hint:  Look at the details.",
    "Id:    inv_1",
    "Code:  input-invalid  (docs/errors.md#input-invalid)",
  ]);
});

test("a word that is the beginning of only one candidate means it", () => {
  const meant = { word: "dep", candidates: ["deployments", "doctor"] };
  assert.equal(failureOf(usageError("no", { meant })).hint, 'Did you mean "deployments"?');
  const unclear = { word: "d", candidates: ["deployments", "doctor"] };
  assert.equal(
    failureOf(usageError("no", { meant: unclear, hint: "There are two." })).hint,
    "There are two.",
  );
});
