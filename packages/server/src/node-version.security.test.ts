import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { requireSafeNode } from "./node-version.ts";

describe("the version of Node under the server", () => {
  const rows: ReadonlyArray<readonly [version: string, refusal: RegExp | undefined]> = [
    ["20.20.2", /needs Node 24/],
    ["22.22.2", /needs Node 24/],
    ["24.0.0", /CVE-2026-21710/],
    ["24.12.0", /CVE-2026-21710/],
    ["24.14.0", /CVE-2026-21710/],
    ["24.14.0-nightly", /CVE-2026-21710/],
    ["24.14.1", undefined],
    ["24.21.0", undefined],
    ["25.8.1", /CVE-2026-21710/],
    ["25.8.2", undefined],
    ["25.10.0", undefined],
    ["26.0.0", undefined],
  ];
  for (const [version, refusal] of rows) {
    it(`${version} is ${refusal === undefined ? "accepted" : "refused"}`, () => {
      if (refusal === undefined) requireSafeNode(version);
      else assert.throws(() => requireSafeNode(version), { code: "runtime-unsupported", message: refusal });
    });
  }

  it("is accepted here, and its parser is not told to be lenient", () => {
    requireSafeNode(process.versions.node);
    assert.ok(!process.execArgv.some((word) => word.includes("insecure-http-parser")));
    assert.doesNotMatch(process.env["NODE_OPTIONS"] ?? "", /insecure-http-parser/);
  });
});
