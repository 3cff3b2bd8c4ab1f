/**
 * What the reference program costs the type checker. A library whose types are slow makes every editor that opens a
 * handler slow, so the cost has a limit like any other.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));
const PROGRAM = join(ROOT, "examples/src/deploy-approval.ts");
const INSTANTIATIONS_MAX = 3_000;
const TIMEOUT_MS = 60_000;

/** The same imports, and nothing done with them: what is left is the cost of checking the SDK's own sources. */
const IMPORTS_ONLY = `
export { handler, service, TerminalError, workflow } from "@holdfast/sdk";
export { z } from "zod";
`;

test(`the reference program costs fewer than ${INSTANTIATIONS_MAX} type instantiations and needs no type argument`, () => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-types-"));
  try {
    symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"), "junction");
    const importsOnly = join(folder, "imports-only.ts");
    writeFileSync(join(folder, "package.json"), `{"type":"module"}`);
    writeFileSync(importsOnly, IMPORTS_ONLY);
    const cost = instantiations(folder, PROGRAM) - instantiations(folder, importsOnly);
    assert.ok(cost > 0, `a cost of ${cost} was not measured`);
    assert.ok(cost < INSTANTIATIONS_MAX, `it costs ${cost}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }

  const calls = /\b(?:service|object|workflow|handler|shared|ctx\.\w+)\s*</;
  assert.doesNotMatch(readFileSync(PROGRAM, "utf8"), calls);
});

function instantiations(folder: string, file: string): number {
  const config = join(folder, "tsconfig.json");
  const options = {
    lib: ["es2024", "esnext.disposable", "dom", "dom.iterable", "dom.asynciterable"],
    types: ["node"],
  };
  const typeRoots = [join(ROOT, "node_modules/@types")];
  writeFileSync(
    config,
    JSON.stringify({
      extends: join(ROOT, "tsconfig.base.json"),
      compilerOptions: { ...options, typeRoots },
      files: [file],
    }),
  );
  const compiler = join(ROOT, "node_modules/typescript/bin/tsc");
  const args = [compiler, "--project", config, "--extendedDiagnostics", "--pretty", "false"];
  const { status, stdout } = spawnSync(process.execPath, args, { encoding: "utf8", timeout: TIMEOUT_MS });
  assert.equal(status, 0, stdout);
  return Number(/^Instantiations:\s+(\d+)/m.exec(stdout)?.[1]);
}
