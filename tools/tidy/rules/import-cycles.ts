// No file may import itself through others. Type imports count too: a cycle of types is a cycle for whoever reads.

import { posix } from "node:path";

import type { Rule } from "../rule.ts";
import { type Finding, findingAt, type SourceFile } from "../source-file.ts";

export const importCycles: Rule = {
  name: "import-cycles",
  applies: (file) => file.syntax !== undefined,
  check: (files) => {
    const byPath = new Map(files.map((file) => [file.path, file]));
    const settled = new Set<string>();
    const findings: Finding[] = [];
    for (const file of files) findings.push(...cyclesFrom(file, byPath, [], settled));
    return findings;
  },
};

/** Follows imports depth first. A file is settled when everything behind it has been followed. */
function cyclesFrom(
  file: SourceFile,
  byPath: ReadonlyMap<string, SourceFile>,
  trail: readonly string[],
  settled: Set<string>,
): Finding[] {
  if (settled.has(file.path)) return [];
  const findings: Finding[] = [];
  const path = [...trail, file.path];
  for (const { specifier, offset } of file.syntax?.imports ?? []) {
    if (!specifier.startsWith(".")) continue;
    const target = byPath.get(posix.join(posix.dirname(file.path), specifier));
    if (target === undefined) continue;
    const start = path.indexOf(target.path);
    if (start === -1) {
      findings.push(...cyclesFrom(target, byPath, path, settled));
      continue;
    }
    const circle = [...path.slice(start), target.path].join(" → ");
    findings.push(
      findingAt(file, offset, `import cycle ${circle}: move what both need into a file of its own`),
    );
  }
  settled.add(file.path);
  return findings;
}
