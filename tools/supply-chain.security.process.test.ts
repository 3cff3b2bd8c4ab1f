/** What comes with an installation, and what our packages would bring: who could run code there, and under which licence. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdirSync, readFileSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

import { ROOT } from "./source-files.ts";

const TIMEOUT = { timeout: 60_000 };
const RUNTIME_DEPENDENCIES_MAX = 5;
const LICENCES = new Set(["MIT", "Apache-2.0", "ISC", "BSD-2-Clause", "BSD-3-Clause", "0BSD"]);
/** Runs when it is installed: fetches the program it is. A tool for building, never part of a server. */
const INSTALL_SCRIPTS = new Set(["node_modules/esbuild"]);
const LIFECYCLE = [
  "preinstall",
  "install",
  "postinstall",
  "prepare",
  "prepack",
  "prepublish",
  "prepublishOnly",
];
const NOT_FOR_USERS =
  /\.(test|contract|bench)\.ts$|fixtures\/|testing\/.*contract|\.pem$|\.env|node_modules\//;

type Locked = {
  readonly link?: boolean;
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly optional?: boolean;
  readonly integrity?: string;
  readonly license?: string;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly hasInstallScript?: boolean;
};
type Manifest = {
  readonly name: string;
  readonly private?: boolean;
  readonly license?: string;
  readonly files?: readonly string[];
  readonly scripts?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
};

function json<T>(path: string): T {
  return JSON.parse(readFileSync(join(ROOT, path), "utf8")) as T;
}

const locked = Object.entries(
  json<{ packages: Record<string, Locked> }>("package-lock.json").packages,
).filter(([path, { link }]) => path.startsWith("node_modules/") && link !== true);
const published = readdirSync(join(ROOT, "packages"))
  .map((name) => ({ folder: `packages/${name}`, manifest: json<Manifest>(`packages/${name}/package.json`) }))
  .filter(({ manifest }) => manifest.private !== true);

/** A program for one platform, of which one is installed. `tools/lock-platforms.ts` adds those the registry in use lacked. */
function isForOnePlatform({ os, cpu, optional }: Locked): boolean {
  return optional === true && os !== undefined && cpu !== undefined;
}

test("a server needs few packages, none of which runs anything when it is installed", () => {
  const runtime = new Set(
    published
      .flatMap(({ manifest }) => Object.keys(manifest.dependencies ?? {}))
      .filter((name) => !name.startsWith("@holdfast/")),
  );
  assert.ok(runtime.size > 0);
  assert.ok(runtime.size <= RUNTIME_DEPENDENCIES_MAX, [...runtime].join(", "));
  for (const name of runtime) {
    const [, entry] = locked.find(([path]) => path === `node_modules/${name}`) ?? [];
    assert.ok(entry?.integrity !== undefined, name);
    assert.notEqual(entry.hasInstallScript, true, name);
  }
  for (const [path, { hasInstallScript }] of locked)
    if (hasInstallScript === true) assert.ok(INSTALL_SCRIPTS.has(path), path);
});

test("a dependency is asked for by its exact version", () => {
  for (const { manifest } of published)
    for (const [name, version] of Object.entries(manifest.dependencies ?? {}))
      assert.match(version, /^\d+\.\d+\.\d+$/, name);
});

test("every locked package has a hash, except those that are only ever installed on another platform", () => {
  assert.ok(locked.length > 50);
  for (const [path, entry] of locked) {
    if (entry.integrity === undefined) assert.ok(isForOnePlatform(entry), path);
    else assert.match(entry.integrity, /^sha512-[A-Za-z0-9+/]{86}==$/, path);
  }
});

test("every package that is installed here has a hash and a licence that was agreed to", () => {
  for (const [path, { integrity, license }] of locked) {
    let installed: Manifest;
    try {
      installed = json<Manifest>(`${path}/package.json`);
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, "ENOENT");
      continue;
    }
    assert.ok(integrity !== undefined, path);
    const said = license ?? installed.license;
    assert.ok(said !== undefined && LICENCES.has(said), `${path}: ${said}`);
  }
});

test("our own packages run nothing when they are installed, and say what belongs to them", () => {
  assert.ok(published.length >= 6);
  for (const { folder, manifest } of published) {
    for (const script of LIFECYCLE)
      assert.equal(manifest.scripts?.[script], undefined, `${folder}: ${script}`);
    assert.ok(LICENCES.has(manifest.license ?? ""), folder);
    assert.ok((manifest.files ?? []).length > 0, folder);
  }
});

test(
  "packing twice gives the same bytes, whatever the files' times, and nothing that is for us only",
  TIMEOUT,
  async () => {
    const first = await pack();
    const now = new Date();
    for (const { folder } of published) utimesSync(join(ROOT, folder, "package.json"), now, now);
    const second = await pack();
    assert.deepEqual(
      first.map(({ name, integrity }) => [name, integrity]),
      second.map(({ name, integrity }) => [name, integrity]),
    );
    assert.deepEqual(
      first.map(({ name }) => name).toSorted(),
      published.map(({ manifest }) => manifest.name).toSorted(),
    );
    for (const { name, files } of first) {
      assert.ok(files.length > 1, name);
      for (const { path } of files) assert.doesNotMatch(path, NOT_FOR_USERS, name);
    }
  },
);

type Packed = {
  readonly name: string;
  readonly integrity: string;
  readonly files: ReadonlyArray<{ readonly path: string }>;
};

async function pack(): Promise<readonly Packed[]> {
  const folders = published.map(({ folder }) => `./${folder}`);
  const words = ["pack", "--dry-run", "--json", "--ignore-scripts", ...folders];
  const { stdout } = await promisify(execFile)("npm", words, {
    cwd: ROOT,
    maxBuffer: 64 * 1024 * 1024,
    shell: process.platform === "win32",
  });
  return JSON.parse(stdout) as readonly Packed[];
}
