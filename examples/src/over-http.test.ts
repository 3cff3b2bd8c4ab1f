import assert from "node:assert/strict";
import { test } from "node:test";

import { overHttp } from "./over-http.ts";

test("a call travels from client to server to handlers and back", async () => {
  assert.equal(await overHttp(), 5);
});
