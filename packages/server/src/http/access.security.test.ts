import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { describe, it } from "node:test";

import { HoldfastError } from "@holdfast/protocol";

import { allowedHosts, checkAccess, isLoopbackAddress, type AccessRules } from "./access.ts";

const rules: AccessRules = {
  hosts: allowedHosts("127.0.0.1", ["Holdfast.test", "only.test:8443"]),
  refuseCrossSite: true,
  origins: ["http://app.example"],
};

function outcome(headers: Record<string, string>, present: AccessRules = rules): string {
  const req = { headers, httpVersion: "1.1" } as unknown as IncomingMessage;
  try {
    checkAccess(present, req);
    return "allowed";
  } catch (error) {
    return error instanceof HoldfastError ? error.code : String(error);
  }
}

describe("the Host of a listener on a loopback address", () => {
  const rows: ReadonlyArray<readonly [host: string, expected: string]> = [
    ["localhost", "allowed"],
    ["LOCALHOST:8080", "allowed"],
    ["127.0.0.1:1", "allowed"],
    ["[::1]:8080", "allowed"],
    ["[::1]", "allowed"],
    ["holdfast.test:8080", "allowed"],
    ["evil.example", "host-not-allowed"],
    ["localhost.evil.example", "host-not-allowed"],
    ["evil.example:8080@localhost", "host-not-allowed"],
    ["localhost.", "host-not-allowed"],
    ["localhost:", "host-not-allowed"],
    ["localhost:80:80", "host-not-allowed"],
    ["localhost:8080@evil.example", "host-not-allowed"],
    ["localhost:port", "host-not-allowed"],
    ["localhost:123456", "host-not-allowed"],
    ["localhost/evil.example", "host-not-allowed"],
    ["user@localhost", "host-not-allowed"],
    ["localhost evil.example", "host-not-allowed"],
    ["lo\u0000calhost", "host-not-allowed"],
    ["[::1]evil.example", "host-not-allowed"],
    ["[::1%25lo]:8080", "host-not-allowed"],
    ["[0:0:0:0:0:0:0:1]", "host-not-allowed"],
    ["::1", "host-not-allowed"],
    ["0.0.0.0:8080", "host-not-allowed"],
    ["127.1", "host-not-allowed"],
    ["127.0.0.1.", "host-not-allowed"],
    ["xn--lcalhost-54a", "host-not-allowed"],
    ["only.test:8443", "allowed"],
    ["ONLY.test:8443", "allowed"],
    ["only.test:8080", "host-not-allowed"],
    ["only.test", "host-not-allowed"],
    ["127.0.0.1.nip.io", "host-not-allowed"],
    ["0x7f.1", "host-not-allowed"],
    ["2130706433", "host-not-allowed"],
    ["[::ffff:127.0.0.1]", "host-not-allowed"],
    ["[::1", "host-not-allowed"],
    ["", "host-not-allowed"],
    ["localhost, evil.example", "request-malformed"],
  ];
  for (const [host, expected] of rows) {
    it(`"${host}": ${expected}`, () => {
      assert.equal(outcome({ host }), expected);
    });
  }

  it("must be there", () => {
    assert.equal(outcome({}), "request-malformed");
  });
});

it("any Host will do for a listener that is not on a loopback address, unless names are configured", () => {
  assert.deepEqual(allowedHosts("0.0.0.0", []), []);
  assert.equal(outcome({ host: "anything.example" }, { ...rules, hosts: [] }), "allowed");
  for (const host of ["a b", "a/b", "u@a", "a:", "a:b", "[::1", "a:1:2"]) {
    assert.equal(outcome({ host }, { ...rules, hosts: [] }), "request-malformed", host);
  }
  assert.deepEqual(allowedHosts("10.0.0.1", ["api.example"]), ["api.example"]);
  assert.ok(allowedHosts("::1", []).includes("[::1]"));
});

describe("requests that a browser makes for a page", () => {
  const host = "localhost:8080";
  const rows: ReadonlyArray<readonly [headers: Record<string, string>, expected: string]> = [
    [{}, "allowed"],
    [{ "sec-fetch-site": "none" }, "allowed"],
    [{ "sec-fetch-site": "same-origin", origin: "http://localhost:8080" }, "allowed"],
    [{ origin: "https://localhost:8080" }, "allowed"],
    [{ origin: "http://app.example", "sec-fetch-site": "cross-site" }, "allowed"],
    [{ origin: "http://evil.example" }, "origin-not-allowed"],
    [{ origin: "http://localhost:3000" }, "origin-not-allowed"],
    [{ origin: "null" }, "origin-not-allowed"],
    [{ "sec-fetch-site": "cross-site" }, "origin-not-allowed"],
    [{ "sec-fetch-site": "same-site" }, "origin-not-allowed"],
  ];
  for (const [headers, expected] of rows) {
    it(`${JSON.stringify(headers)}: ${expected}`, () => {
      assert.equal(outcome({ host, ...headers }), expected);
    });
  }
});

it("knows loopback addresses from others", () => {
  for (const host of ["localhost", "127.0.0.1", "127.8.8.8", "::1", "[::1]"])
    assert.ok(isLoopbackAddress(host), host);
  for (const host of ["0.0.0.0", "::", "10.0.0.1", "127.0.0.1.example", "", "localhost.example"]) {
    assert.ok(!isLoopbackAddress(host), host);
  }
});
