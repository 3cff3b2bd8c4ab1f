/**
 * `npm run test:interop`: builds the programs in other languages, as far as the machine has what they need, and runs all tests of
 * this workspace. `-- --write` writes what came of it into docs/compatibility.md.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { writeSection } from "../../tools/document-section.ts";
import { buildLanguages } from "./build-languages.ts";
import { readFinished } from "./compatibility/finished-tests.ts";
import { compatibilityTable } from "./compatibility/table.ts";

const TESTS = fileURLToPath(new URL("../../tools/test/main.ts", import.meta.url));
const DOCUMENT = fileURLToPath(new URL("../../docs/compatibility.md", import.meta.url));

const { values } = parseArgs({ options: { write: { type: "boolean", default: false } } });

const failures = buildLanguages();
const folder = mkdtempSync(join(tmpdir(), "holdfast-interop-"));
try {
  const results = join(folder, "results.jsonl");
  const tests = spawnSync(process.execPath, [TESTS, "--only", "interop/", "--results", results], {
    stdio: "inherit",
  });
  if (tests.status !== 0) process.exitCode = 1;
  if (values.write) {
    const finished = readFinished(readFileSync(results, "utf8"));
    writeSection("compatibility", compatibilityTable(finished, new Date()), DOCUMENT);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
// Behind the tests' own last line, where it is seen.
for (const failure of failures) {
  console.log(`FAILED to build: ${failure}`);
  process.exitCode = 1;
}
