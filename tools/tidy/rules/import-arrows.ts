// Which part of the repository may know which other part. npm hoists all workspaces into one folder, so an import
// that nobody declared compiles and runs; only this rule notices.

import { posix } from "node:path";

import type { Rule } from "../rule.ts";
import { type Finding, findingAt, type ImportedModule, type SourceFile } from "../source-file.ts";

/** What a workspace's sources may import, by folder. `apps` stands for every app. */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  "packages/protocol": [],
  "packages/engine": ["protocol"],
  "packages/server": ["engine", "protocol"],
  "packages/sdk": ["protocol"],
  "packages/client": ["protocol"],
  "packages/cli": ["server", "client", "sdk", "protocol"],
  "packages/console": ["client"],
  "packages/simulator": ["server", "sdk", "engine", "protocol", "client"],
  apps: ["sdk", "client", "server", "protocol"],
  examples: ["sdk", "client", "server"],
  bench: ["server", "sdk", "client", "protocol"],
  crucible: ["server", "sdk", "client", "protocol"],
  fuzz: ["server", "sdk", "engine", "cli", "protocol"],
  interop: ["server", "sdk", "engine", "protocol"],
  tools: [],
};

/** What tests may import beyond that: both ends of a conversation, to hold them against each other. */
const TEST_ARROWS: Readonly<Record<string, readonly string[]>> = {
  "packages/server": ["sdk", "client"],
  "packages/sdk": ["server", "client"],
  "packages/client": ["server", "sdk"],
  tools: ["sdk"],
};

/** Files of no workspace that some may import by their path. */
const SHARED_FILES: Readonly<Record<string, readonly string[]>> = {
  "tools/document-section.ts": ["packages/simulator", "crucible", "fuzz", "interop"],
};

const SCOPE = "@holdfast/";
/** Packages that must run anywhere and stay explainable: they depend on nothing from outside. */
const WITHOUT_DEPENDENCIES = new Set(["packages/protocol", "packages/engine"]);

export const importArrows: Rule = {
  name: "import-arrows",
  applies: (file) => file.syntax !== undefined && file.workspace !== "",
  check: (files) =>
    files.flatMap((file) =>
      (file.syntax?.imports ?? []).flatMap((imported) => {
        const message = judge(file, imported);
        return message === undefined ? [] : [findingAt(file, imported.offset, message)];
      }),
    ),
};

function judge(file: SourceFile, { specifier }: ImportedModule): string | undefined {
  if (specifier.startsWith(".")) return judgeRelative(file, specifier);
  if (specifier.startsWith(SCOPE)) return judgeWorkspace(file, specifier.slice(SCOPE.length));
  if (WITHOUT_DEPENDENCIES.has(file.workspace) && !file.isTest) {
    return `${file.workspace} imports nothing from outside the repository, and "${specifier}" is outside`;
  }
  return undefined;
}

function judgeRelative(file: SourceFile, specifier: string): string | undefined {
  const target = posix.join(posix.dirname(file.path), specifier);
  if (target.startsWith(`${file.workspace}/`)) return undefined;
  if (SHARED_FILES[target]?.includes(file.workspace) === true) return undefined;
  return `"${specifier}" leaves ${file.workspace}: import the other workspace by its package name`;
}

function judgeWorkspace(file: SourceFile, target: string): string | undefined {
  const name = target.split("/")[0] ?? "";
  const from = file.workspace.startsWith("apps/") ? "apps" : file.workspace;
  const allowed = ARROWS[from];
  if (allowed === undefined)
    return `${from} has no row in the table of tools/tidy/rules/import-arrows.ts: add one`;

  // A package may use its own public entry from its tests, as its users do.
  const own = file.isTest && file.workspace === `packages/${name}`;
  const forTests = file.isTest ? (TEST_ARROWS[from] ?? []) : [];
  if (own || allowed.includes(name) || forTests.includes(name)) return undefined;
  const list = allowed.length === 0 ? "no other workspace" : allowed.join(", ");
  return `${from} may import ${list}; "${SCOPE}${target}" points the wrong way`;
}

export const declaredImports: Rule = {
  name: "declared-imports",
  applies: (file) =>
    file.path.endsWith("package.json") || (file.syntax !== undefined && file.workspace !== ""),
  check: (files) => {
    const manifests = readManifests(files);
    const atRoot = manifests.get("") ?? new Set<string>();
    return files.flatMap((file) => undeclared(file, nearestManifest(file, manifests), atRoot));
  },
};

function undeclared(file: SourceFile, own: ReadonlySet<string>, atRoot: ReadonlySet<string>): Finding[] {
  const findings: Finding[] = [];
  const borrows = file.isTest || file.workspace === "tools";
  for (const { specifier, offset } of file.syntax?.imports ?? []) {
    if (/^(\.|node:)/.test(specifier)) continue;
    const name = specifier
      .split("/")
      .slice(0, specifier.startsWith("@") ? 2 : 1)
      .join("/");
    // Test-only arrows between workspaces stay undeclared: npm would have to order packages in a circle.
    const forTest = borrows && (atRoot.has(name) || name.startsWith(SCOPE));
    if (own.has(name) || forTest) continue;
    findings.push(findingAt(file, offset, `declare "${name}" in ${file.workspace}/package.json`));
  }
  return findings;
}

/** A folder of a workspace may have a package.json of its own, as bench/peers has: it counts for what lies below it. */
function nearestManifest(
  file: SourceFile,
  manifests: ReadonlyMap<string, ReadonlySet<string>>,
): ReadonlySet<string> {
  for (let folder = posix.dirname(file.path); folder.includes("/"); folder = posix.dirname(folder)) {
    const names = manifests.get(folder);
    if (names !== undefined) return names;
  }
  return manifests.get(file.workspace) ?? new Set();
}

/** The names each package.json declares, by its folder; the root's is under "". */
function readManifests(files: readonly SourceFile[]): Map<string, ReadonlySet<string>> {
  const manifests = new Map<string, ReadonlySet<string>>();
  for (const file of files) {
    if (!/(^|\/)package\.json$/.test(file.path)) continue;
    const manifest = JSON.parse(file.text) as Partial<Record<string, unknown>>;
    const names = ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"].flatMap(
      (key) => Object.keys(manifest[key] ?? {}),
    );
    manifests.set(posix.dirname(file.path).replace(/^\.$/, ""), new Set(names));
  }
  return manifests;
}
