import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { type Rule, runRule } from "./rule.ts";
import { dependencyReasons } from "./rules/dependency-reasons.ts";
import { determinism } from "./rules/determinism.ts";
import { emptyCatches } from "./rules/empty-catches.ts";
import { fileNames } from "./rules/file-names.ts";
import { declaredImports, importArrows } from "./rules/import-arrows.ts";
import { importCycles } from "./rules/import-cycles.ts";
import { lockHosts, lockPlatforms } from "./rules/lock-files.ts";
import { type Ratchet, sizes } from "./rules/sizes.ts";
import { starExports } from "./rules/star-exports.ts";
import { readSource } from "./source-file.ts";

/** A small repository: paths and what is written there. */
type Sources = Readonly<Record<string, string>>;

function check(rule: Rule, sources: Sources): readonly string[] {
  const files = Object.entries(sources).map(([path, text]) => readSource(path, text));
  return runRule(rule, files).findings.map(({ path, line }) => `${path}:${line}`);
}

function accepts(rule: Rule, sources: Sources): void {
  assert.deepEqual(check(rule, sources), []);
}

function rejects(rule: Rule, sources: Sources, ...places: readonly string[]): void {
  assert.deepEqual(check(rule, sources), places);
}

const ENGINE = "packages/engine/src/apply.ts";

describe("tidy", () => {
  it("fails when a rule has nothing to look at", () => {
    assert.throws(() => check(determinism, { "apps/slipway/src/main.ts": "" }), /applies to no file/);
  });

  it("fails when a file cannot be parsed", () => {
    assert.throws(() => check(starExports, { "tools/a.ts": "const = 1;" }), /Cannot parse tools\/a\.ts/);
  });
});

describe("import-arrows", () => {
  it("accepts arrows of the table", () => {
    accepts(importArrows, {
      [ENGINE]: 'import { a } from "@holdfast/protocol";\nimport { b } from "./records/b.ts";',
      "apps/slipway/src/main.ts": 'import { serve } from "@holdfast/server/testing";\nimport "node:fs";',
    });
  });

  it("rejects arrows that point the wrong way, in every kind of import", () => {
    rejects(
      importArrows,
      {
        "packages/protocol/src/a.ts": 'import type { A } from "@holdfast/engine";',
        "packages/server/src/b.ts": '\nexport { b } from "@holdfast/sdk";',
        "packages/sdk/src/c.ts": 'const c = await import("@holdfast/server");',
        "packages/client/src/d.ts": 'export type D = import("@holdfast/sdk").D;',
      },
      "packages/protocol/src/a.ts:1",
      "packages/server/src/b.ts:2",
      "packages/sdk/src/c.ts:1",
      "packages/client/src/d.ts:1",
    );
  });

  it("lets the server's tests use the SDK and the client, but not its sources", () => {
    const text = 'import { service } from "@holdfast/sdk";';
    accepts(importArrows, {
      "packages/server/src/a.test.ts": text,
      "packages/server/src/b.contract.ts": text,
    });
    rejects(importArrows, { "packages/server/src/a.ts": text }, "packages/server/src/a.ts:1");
  });

  it("rejects relative imports of another workspace", () => {
    const text = 'import { a } from "../../protocol/src/a.ts";';
    rejects(importArrows, { [ENGINE]: text }, `${ENGINE}:1`);
  });

  it("accepts a shared file where the table has it, and rejects it elsewhere", () => {
    const text = 'import { writeSection } from "../../tools/document-section.ts";';
    accepts(importArrows, { "crucible/src/main.ts": text });
    rejects(importArrows, { "bench/src/main.ts": text }, "bench/src/main.ts:1");
  });

  it("rejects outside packages in the core, except in its tests", () => {
    const text = 'import fc from "fast-check";';
    rejects(importArrows, { [ENGINE]: text }, `${ENGINE}:1`);
    accepts(importArrows, { "packages/engine/src/apply.test.ts": text });
  });

  it("rejects a new workspace until the table knows it", () => {
    const text = 'import { a } from "@holdfast/protocol";';
    rejects(importArrows, { "packages/novel/src/a.ts": text }, "packages/novel/src/a.ts:1");
  });
});

describe("declared-imports", () => {
  const manifests = {
    "package.json": '{"devDependencies": {"fast-check": "1"}}',
    "packages/server/package.json": '{"dependencies": {"@holdfast/engine": "1", "ws": "1"}}',
  };

  it("accepts what the package itself declares, and in tests what the root declares", () => {
    accepts(declaredImports, {
      ...manifests,
      "packages/server/src/a.ts":
        'import "@holdfast/engine";\nimport "ws/deep";\nimport "node:fs";\nimport "./b.ts";',
      "packages/server/src/a.test.ts": 'import fc from "fast-check";\nimport "@holdfast/sdk";',
    });
  });

  it("accepts what the nearest package.json of a folder declares, below it and nowhere else", () => {
    const peers = {
      ...manifests,
      "bench/package.json": "{}",
      "bench/peers/package.json": '{"dependencies": {"ws": "1"}}',
    };
    accepts(declaredImports, { ...peers, "bench/peers/a.mjs": 'import "ws";' });
    rejects(declaredImports, { ...peers, "bench/src/a.ts": 'import "ws";' }, "bench/src/a.ts:1");
  });

  it("rejects what only hoisting makes available", () => {
    const text = 'import "@holdfast/protocol";\nimport "fast-check";';
    const path = "packages/server/src/a.ts";
    rejects(declaredImports, { ...manifests, [path]: text }, `${path}:1`, `${path}:2`);
  });
});

describe("import-cycles", () => {
  it("accepts two ways to the same file", () => {
    accepts(importCycles, {
      "tools/a.ts": 'import "./b.ts";\nimport "./c.ts";',
      "tools/b.ts": 'import "./c.ts";',
      "tools/c.ts": "",
    });
  });

  it("rejects a cycle of type imports", () => {
    const sources = {
      "tools/a.ts": 'import type { B } from "./deep/b.ts";',
      "tools/deep/b.ts": 'import type { A } from "../a.ts";',
    };
    rejects(importCycles, sources, "tools/deep/b.ts:1");
  });
});

describe("determinism", () => {
  const impure = [
    "export const at = Date.now();",
    'export const at = Date["now"]();',
    "export const at = new Date();",
    "export const at = Date();",
    "export const dice = Math.random();",
    "export async function apply() {}",
    "export const apply = async () => 1;",
    "await apply;",
    'export const other = import("./other.ts");',
    "export const order = new Intl.Collator();",
    'export const order = "a".localeCompare("b");',
    'export const text = "a".toLocaleUpperCase();',
    "export const reference = new WeakRef({});",
  ];
  for (const text of impure) {
    it(`rejects ${text}`, () => rejects(determinism, { [ENGINE]: text }, `${ENGINE}:1`));
  }

  it("accepts dates made of data, and words that only look alike", () => {
    const text = "new Date(5); clock.now(); x.Intl; ({ Intl: 1 }); Math.max(1, 2); x.constructor;";
    accepts(determinism, { [ENGINE]: text });
  });

  it("does not hold outside of the core, nor in its tests", () => {
    accepts(determinism, { [ENGINE]: "", "packages/engine/src/apply.test.ts": "Date.now();" });
    accepts(determinism, { [ENGINE]: "", "packages/server/src/clock.ts": "Date.now();" });
  });
});

describe("file-names", () => {
  it("accepts names that say what is inside", () => {
    accepts(fileNames, { "packages/sdk/src/retry-policy.ts": "", "packages/sdk/src/wire-types.ts": "" });
  });

  for (const path of [
    "tools/utils.ts",
    "tools/string-helpers.ts",
    "tools/types.d.ts",
    "tools/common/clock.ts",
  ]) {
    it(`rejects ${path}`, () => rejects(fileNames, { [path]: "" }, `${path}:1`));
  }
});

describe("star-exports", () => {
  it("accepts named exports", () =>
    accepts(starExports, { "tools/a.ts": 'export { a, type B } from "./b.ts";' }));

  it("rejects all-exports", () => {
    const text = 'export * from "./b.ts";\nexport * as c from "./c.ts";\nexport type * from "./d.ts";';
    rejects(starExports, { "tools/a.ts": text }, "tools/a.ts:1", "tools/a.ts:2", "tools/a.ts:3");
  });
});

describe("empty-catches", () => {
  it("accepts a handled error and a reason", () => {
    accepts(emptyCatches, {
      "tools/a.ts": "try { a(); } catch { b(); }\ntry { a(); } catch {\n  // Gone already.\n}",
    });
  });

  it("rejects silence", () =>
    rejects(emptyCatches, { "tools/a.ts": "try { a(); } catch {}" }, "tools/a.ts:1"));
});

describe("lock-hosts", () => {
  it("accepts hashes, local links and funding pages", () => {
    const text =
      '{"resolved": "packages/engine", "integrity": "sha512-x", "funding": {"url": "https://a.example"}}';
    accepts(lockHosts, { "package-lock.json": text });
  });

  it("rejects addresses", () => {
    const text = '{\n"resolved": "https://registry.example/a.tgz"}';
    rejects(lockHosts, { "package-lock.json": text }, "package-lock.json:2");
  });
});

describe("lock-platforms", () => {
  const tool = '"node_modules/tool": {"optionalDependencies": {"tool-darwin-arm64": "1.0.0"}}';

  it("accepts an entry for every platform", () => {
    accepts(lockPlatforms, {
      "package-lock.json": `{"packages": {${tool}, "node_modules/tool-darwin-arm64": {}}}`,
    });
  });

  it("rejects a platform without an entry", () => {
    rejects(lockPlatforms, { "package-lock.json": `{"packages": {${tool}}}` }, "package-lock.json:1");
  });
});

describe("dependency-reasons", () => {
  const reasons = "docs/dependencies.md";
  const manifest =
    '{"dependencies": {\n"@holdfast/engine": "1",\n"ws": "1"},\n"devDependencies": {"zod": "1"}}';

  it("accepts a row for every package", () => {
    accepts(dependencyReasons, {
      "packages/server/package.json": manifest,
      "examples/package.json": '{"dependencies": {"zod": "1"}}',
      [reasons]: "Mentions `esbuild`.\n| `ws` | sockets |\n| `zod` | examples |",
    });
  });

  it("rejects a package without a row, and a row without a package", () => {
    rejects(
      dependencyReasons,
      { "package.json": manifest, [reasons]: "| package |\n| `zod` | examples |\n| `ajv` | once |" },
      "package.json:3",
      `${reasons}:3`,
    );
  });

  it("rejects all packages when there are no reasons", () => {
    rejects(dependencyReasons, { "package.json": manifest }, "package.json:3", "package.json:4");
  });
});

describe("sizes", () => {
  const none: Ratchet = { files: {}, functions: {} };
  const path = "tools/long.ts";
  const file = (lines: number): Sources => ({ [path]: "a();\n".repeat(lines) });
  const method = (lines: number): string => `class A {\n  run() {\n${"a();\n".repeat(lines - 2)}  }\n}\n`;

  it("accepts 600 lines and rejects 601", () => {
    accepts(sizes(none), file(600));
    rejects(sizes(none), file(601), "tools/long.ts:1");
  });

  it("accepts functions of 70 lines and rejects 71, except in tests", () => {
    accepts(sizes(none), { [path]: method(70) });
    rejects(sizes(none), { [path]: method(71) }, "tools/long.ts:2");
    accepts(sizes(none), { "tools/long.test.ts": method(71) });
  });

  it("lets a listed exception stay but not grow", () => {
    const listed: Ratchet = { files: { [path]: 650 }, functions: { [`${path}#run`]: 90 } };
    const sources = { [path]: method(90) + "a();\n".repeat(650 - 92) };
    accepts(sizes(listed), sources);
    rejects(sizes({ ...listed, files: { [path]: 640 } }), sources, "tools/long.ts:1");
    rejects(sizes({ ...listed, functions: {} }), sources, "tools/long.ts:2");
  });

  it("wants an exception lowered or removed when the code has shrunk", () => {
    rejects(sizes({ ...none, files: { [path]: 700 } }), file(650), "tools/tidy/ratchet.json:1");
    rejects(sizes({ ...none, files: { [path]: 610 } }), file(500), "tools/tidy/ratchet.json:1");
    rejects(sizes({ ...none, functions: { "tools/gone.ts#run": 80 } }), file(1), "tools/tidy/ratchet.json:1");
  });
});
