// Adds to package-lock.json the platform-specific packages that `npm install` left out.
//
// A tool with native parts lists one optional package per platform. When the registry in use does not carry all of
// them, npm writes a lock file without the missing ones, and then `npm ci` refuses that lock file everywhere. The
// entries added here have a version and a platform but no hash: they are only ever installed on their platform.
//
//   node tools/lock-platforms.ts      after adding or updating a dependency with native parts

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { ROOT } from "./source-files.ts";

interface LockedPackage {
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly [key: string]: unknown;
}

const PLATFORM =
  /(android|darwin|freebsd|linux|openharmony|win32)-(arm64|arm|x64|ia32|ppc64|riscv64|s390x)(?:-(\w+))?$/;

const path = join(ROOT, "package-lock.json");
const lock = JSON.parse(readFileSync(path, "utf8")) as { packages: Record<string, LockedPackage> };
let added = 0;

for (const { optionalDependencies = {} } of Object.values(lock.packages)) {
  for (const [name, version] of Object.entries(optionalDependencies)) {
    const entry = toEntry(name, version);
    if (entry === undefined || Object.hasOwn(lock.packages, `node_modules/${name}`)) continue;
    lock.packages[`node_modules/${name}`] = entry;
    added += 1;
  }
}

const sorted = Object.entries(lock.packages).toSorted(([a], [b]) => a.localeCompare(b, "en"));
const text = JSON.stringify({ ...lock, packages: Object.fromEntries(sorted) }, null, 2);
if (added > 0) writeFileSync(path, `${text}\n`);
console.log(`${added} platform packages added to package-lock.json`);

function toEntry(name: string, version: string): LockedPackage | undefined {
  const [, os, cpu, abi = ""] = PLATFORM.exec(name) ?? [];
  if (os === undefined || cpu === undefined || !/^[\d.]+$/.test(version)) return undefined;
  const libc = os !== "linux" ? undefined : abi.startsWith("musl") ? "musl" : "glibc";
  return {
    version,
    cpu: [cpu],
    dev: true,
    ...(libc !== undefined && abi !== "" ? { libc: [libc] } : {}),
    optional: true,
    os: [os],
  };
}
