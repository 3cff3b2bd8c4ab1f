import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { parseResponse } from "./response-parser.ts";

const COUNTED = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 4\r\n\r\n"ok"';
const CHUNKED =
  'HTTP/1.1 202 Accepted\r\ntransfer-encoding: chunked\r\n\r\n3\r\n"ab\r\na;name=value\r\n0123456789\r\n1\r\n"\r\n0\r\nx: y\r\n\r\n';
const EMPTY = "HTTP/1.1 204 No Content\r\nserver: x\r\n\r\n";

function parse(
  text: string,
): { readonly status: number; readonly body: string; readonly length: number } | undefined {
  const response = parseResponse(Buffer.from(text, "latin1"));
  return response && { status: response.status, body: response.body.toString(), length: response.length };
}

describe("the response parser", () => {
  it("reads bodies by length, in chunks, and none", () => {
    assert.deepEqual(parse(COUNTED), { status: 200, body: '"ok"', length: COUNTED.length });
    assert.deepEqual(parse(CHUNKED), { status: 202, body: '"ab0123456789"', length: CHUNKED.length });
    assert.deepEqual(parse(EMPTY), { status: 204, body: "", length: EMPTY.length });
  });

  it("waits for more at whatever byte a response is cut", () => {
    for (const whole of [COUNTED, CHUNKED, EMPTY]) {
      for (let length = 0; length < whole.length; length++) {
        assert.equal(parse(whole.slice(0, length)), undefined, `${length} bytes of ${JSON.stringify(whole)}`);
      }
    }
  });

  it("says where the next response begins", () => {
    assert.equal(parse(COUNTED + COUNTED)?.length, COUNTED.length);
    assert.equal(parse(CHUNKED + COUNTED)?.length, CHUNKED.length);
  });

  it("refuses what it cannot read", () => {
    assert.throws(() => parse("SSH-2.0-x\r\n\r\n"), /no HTTP\/1\.1 response/);
    assert.throws(() => parse("HTTP/1.1 200 OK\r\nserver: x\r\n\r\n"), /neither how long/);
    assert.throws(
      () => parse("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"),
      /size of a chunk/,
    );
    assert.throws(() => parse("x".repeat(70_000)), /does not end/);
  });
});
