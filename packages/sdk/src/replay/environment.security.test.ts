import assert from "node:assert/strict";
import { test } from "node:test";

import { systemEnvironment } from "./environment.ts";

test("what handlers log is one line, whatever callers put into keys and messages", (t) => {
  const printed = t.mock.method(console, "warn", () => {});
  systemEnvironment().log({
    level: "warn",
    message: "told:\nholdfast: all is well\u001b[2J",
    fields: undefined,
    invocationId: "inv_1",
    service: "s",
    handler: "h",
    key: "\u001b]0;owned\u0007\r\nfake",
    attempt: 1,
  });
  const line = String(printed.mock.calls[0]?.arguments[0]);
  assert.equal(line, "[s/\\u001b]0;owned\\u0007\\r\\nfake/h inv_1] told:\\nholdfast: all is well\\u001b[2J");
});
