import type { Rule } from "../rule.ts";
import { type Finding, findingAt, type SourceFile } from "../source-file.ts";

export const REASONS_PATH = "docs/dependencies.md";

const OWN_SCOPE = "@holdfast/";
const KINDS = ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"];
/** A row of a table that begins with a package's name. */
const ROW = /^\| `([^`]+)` \|/gm;

/** Whoever adds a package writes down why, and whoever removes one removes the reason. */
export const dependencyReasons: Rule = {
  name: "dependency-reasons",
  applies: (file) => isManifest(file) || file.path === REASONS_PATH,
  check: (files) => {
    const reasons = files.find((file) => file.path === REASONS_PATH);
    const rows = new Map([...(reasons?.text ?? "").matchAll(ROW)].map((row) => [row[1] ?? "", row.index]));
    const manifests = files.filter(isManifest);
    const wanted = new Set(manifests.flatMap(dependenciesOf));

    const findings: Finding[] = [];
    for (const manifest of manifests) {
      for (const name of dependenciesOf(manifest)) {
        if (rows.has(name)) continue;
        const at = manifest.text.indexOf(`"${name}"`);
        findings.push(
          findingAt(manifest, at, `say in a row of ${REASONS_PATH} what "${name}" is for, and why it`),
        );
      }
    }
    for (const [name, at] of rows) {
      if (reasons !== undefined && !wanted.has(name))
        findings.push(findingAt(reasons, at, `remove the row: nothing depends on "${name}"`));
    }
    return findings;
  },
};

function isManifest({ path }: SourceFile): boolean {
  return /(^|\/)package\.json$/.test(path);
}

function dependenciesOf({ text }: SourceFile): string[] {
  const manifest = JSON.parse(text) as Partial<Record<string, object>>;
  const names = KINDS.flatMap((kind) => Object.keys(manifest[kind] ?? {}));
  return names.filter((name) => !name.startsWith(OWN_SCOPE));
}
