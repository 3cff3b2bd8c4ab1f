import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { requestTemplate } from "./request-template.ts";

const ADDRESS = { host: "127.0.0.1", port: 8080 };

describe("a request template", () => {
  it("puts the key into path and body and states the length that results", () => {
    const render = requestTemplate({ method: "POST", path: "/flow/{key}/run", body: '"{key}"' }, ADDRESS, 3);
    assert.equal(
      render("abc"),
      'POST /flow/abc/run HTTP/1.1\r\nhost: 127.0.0.1:8080\r\ncontent-type: application/json\r\ncontent-length: 5\r\n\r\n"abc"',
    );
  });

  it("sends no content type without a body", () => {
    const text = requestTemplate({ method: "POST", path: "/bench/empty" }, ADDRESS, 3)("abc");
    assert.equal(text, "POST /bench/empty HTTP/1.1\r\nhost: 127.0.0.1:8080\r\ncontent-length: 0\r\n\r\n");
  });

  it("takes one key in the path alone", () => {
    const text = requestTemplate({ method: "GET", path: "/a/{key}" }, ADDRESS, 1)("k");
    assert.match(text, /^GET \/a\/k HTTP\/1\.1\r\n/);
  });
});
