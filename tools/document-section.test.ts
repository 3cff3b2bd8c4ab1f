import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { withSection } from "./document-section.ts";

describe("a section that a program writes", () => {
  const page = withSection("# Reliability\n", "fuzz", "one");

  it("goes to the end of a page without its marks", () => {
    assert.equal(page, "# Reliability\n\n<!-- fuzz:begin -->\n\none\n\n<!-- fuzz:end -->\n");
  });

  it("replaces what stood between its marks, and nothing else", () => {
    const around = `${page}\nBehind it.\n`;
    assert.equal(withSection(around, "fuzz", "two"), around.replace("one", "two"));
  });

  it("leaves the sections of others alone", () => {
    const both = withSection(page, "crucible", "kills");
    assert.equal(withSection(both, "fuzz", "two"), both.replace("one", "two"));
  });
});
