import assert from "node:assert/strict";
import { test } from "node:test";

import { CliError } from "../cli-error.ts";
import { ExitCode } from "../exit-code.ts";
import { startFailure } from "./start-failure.ts";

const SQLITE_IOERR_FSYNC = 1034;

for (const [where, cause] of [
  ["the store", Object.assign(new Error("disk I/O error"), { errcode: SQLITE_IOERR_FSYNC })],
  ["the log", Object.assign(new Error("EIO: i/o error, fdatasync"), { code: "EIO" })],
] as const) {
  test(`a disk that fails under ${where} is said to have failed, and is no defect of the program`, () => {
    const failure = startFailure(cause);
    assert.ok(failure instanceof CliError);
    assert.equal(failure.code, "disk-failed");
    assert.equal(failure.options.exitCode, ExitCode.engineFailed);
    assert.ok(failure.message.includes(cause.message), failure.message);
  });
}
