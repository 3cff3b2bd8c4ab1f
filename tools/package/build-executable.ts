// Puts the bundles into a copy of the Node that runs this.

import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

import { ROOT } from "../source-files.ts";
import { type Bundles, bundlePrograms } from "./bundle.ts";
import { runQuietly } from "./run-quietly.ts";
import { stripElf } from "./strip-elf.ts";

const SYSTEM = process.platform;
export const EXECUTABLE_NAME: string = SYSTEM === "win32" ? "holdfast.exe" : "holdfast";

const CACHE = join(ROOT, "node_modules", ".cache", "holdfast-package");
/** Another process may be about to copy it. */
const KEPT_MS = 600_000;

/** What Node looks for in its own file, and the mark that tells it to look. Both are Node's words. */
const BLOB_NAME = "NODE_SEA_BLOB";
const FUSE = "NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2";
const EXECUTABLE_MODE = 0o755;

/** Returns the path of the executable. Builds nothing when nothing has changed since the last time. */
export async function buildExecutable(): Promise<string> {
  const bundles = await bundlePrograms();
  const path = join(CACHE, `${hashOf(bundles)}-${EXECUTABLE_NAME}`);
  if (existsSync(path)) return path;

  mkdirSync(CACHE, { recursive: true });
  const folder = mkdtempSync(join(CACHE, "build-"));
  try {
    const executable = join(folder, EXECUTABLE_NAME);
    writeNode(executable);
    inject(executable, writeBlob(folder, bundles));
    runQuietly(executable, ["version"]);
    renameSync(executable, path);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  forgetOthers(path);
  return path;
}

/** Everything that the result is made of. */
function hashOf({ main, workers }: Bundles): string {
  const hash = createHash("sha256").update(JSON.stringify([process.versions, SYSTEM, process.arch]));
  hash.update(JSON.stringify([main, ...workers]));
  hash.update(readFileSync(join(ROOT, "package-lock.json")));
  const sources = readdirSync(import.meta.dirname).filter((name) => !name.endsWith(".test.ts"));
  for (const name of sources.toSorted()) hash.update(readFileSync(join(import.meta.dirname, name)));
  return hash.digest("hex").slice(0, 16);
}

function writeNode(path: string): void {
  const node = readFileSync(process.execPath);
  if (!node.includes(FUSE)) {
    throw new Error(`Cannot build on ${process.execPath}: this Node was built without single executables`);
  }
  writeFileSync(path, stripElf(node), { mode: EXECUTABLE_MODE });
  if (SYSTEM === "darwin") runQuietly("codesign", ["--remove-signature", path]);
}

/** Lets Node make one block of the main program and of what it can ask for by name. */
function writeBlob(folder: string, { main, workers }: Bundles): string {
  const assets: Record<string, string> = {};
  for (const [name, text] of workers) {
    assets[name] = `${name}.cjs`;
    writeFileSync(join(folder, assets[name]), text);
  }
  // The name without a folder is what stack traces show; file-error.ts knows it.
  const settings = {
    main: "holdfast.cjs",
    output: "holdfast.blob",
    assets,
    disableExperimentalSEAWarning: true,
    useCodeCache: true,
    // It is about the user's package.json, and self-command.ts says the same in development.
    execArgv: ["--disable-warning=MODULE_TYPELESS_PACKAGE_JSON"],
  };
  writeFileSync(join(folder, settings.main), main);
  writeFileSync(join(folder, "sea.json"), JSON.stringify(settings));
  runQuietly(process.execPath, ["--experimental-sea-config", "sea.json"], folder);
  return join(folder, settings.output);
}

function inject(executable: string, blob: string): void {
  const postject = join(ROOT, "node_modules/postject/dist/cli.js");
  const segment = SYSTEM === "darwin" ? ["--macho-segment-name", "NODE_SEA"] : [];
  runQuietly(process.execPath, [postject, executable, BLOB_NAME, blob, "--sentinel-fuse", FUSE, ...segment]);
  // The system runs nothing there whose signature does not fit.
  if (SYSTEM === "darwin") runQuietly("codesign", ["--sign", "-", executable]);
}

function forgetOthers(current: string): void {
  for (const name of readdirSync(CACHE)) {
    const path = join(CACHE, name);
    const isOld = Date.now() - statSync(path).mtimeMs > KEPT_MS;
    if (path !== current && isOld) rmSync(path, { recursive: true, force: true });
  }
}
