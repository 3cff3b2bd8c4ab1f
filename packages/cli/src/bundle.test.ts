import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";

type Bundle = {
  readonly INPUTS_FILE: string;
  fingerprint(path: string): readonly [size: number, mtimeMs: number];
  currentBundle(directory: string, root: string): string | undefined;
};

// Runs before there is a TypeScript to be had, so it has no types.
const bundleModule = new URL("../bin/bundle.mjs", import.meta.url).href;
const { INPUTS_FILE, currentBundle, fingerprint } = (await import(bundleModule)) as Bundle;

describe("the bundled server", () => {
  let root = "";
  let bundle = "";
  const source = (): string => join(root, "source.ts");

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "holdfast-bundle-"));
    bundle = join(root, "dist");
    mkdirSync(bundle);
    writeFileSync(source(), "export {};\n");
    writeFileSync(join(bundle, INPUTS_FILE), JSON.stringify({ "source.ts": fingerprint(source()) }));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  it("is used while its sources are as they were", () => {
    assert.equal(currentBundle(bundle, root), join(bundle, "main.js"));
  });

  it("is not used when a source has another length", () => {
    writeFileSync(source(), "export const changed = 1;\n");
    assert.equal(currentBundle(bundle, root), undefined);
  });

  it("is not used when a source was written again", () => {
    utimesSync(source(), 1, 1);
    assert.equal(currentBundle(bundle, root), undefined);
  });

  it("is not used when a source is gone", () => {
    rmSync(source());
    assert.equal(currentBundle(bundle, root), undefined);
  });

  it("is not used when it was never made, or only half", () => {
    writeFileSync(join(bundle, INPUTS_FILE), '{"source.ts":');
    assert.equal(currentBundle(bundle, root), undefined);
    assert.equal(currentBundle(join(root, "nowhere"), root), undefined);
  });
});
