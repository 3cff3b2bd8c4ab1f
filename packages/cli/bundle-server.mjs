// Makes what packages/cli/bin/bundle.mjs describes, in packages/cli/dist. Run by `npm install` (as "prepare") on whatever Node
// the machine has, so plain JavaScript. The sources run as well, so nothing that goes wrong here may fail the installation.

import { createHash } from "node:crypto";
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

import { fingerprint, POINTER_FILE } from "./bin/bundle.mjs";

/** Threads and processes lie where packages/server/src looks for them (worker-source.ts, query-program.ts), by these names. */
const ENTRY_POINTS = {
  main: "packages/cli/src/main.ts",
  "log/log-worker": "packages/server/src/log/log-worker.ts",
  "store/store-worker": "packages/server/src/store/store-worker.ts",
  "query/query-worker": "packages/server/src/query/query-worker.ts",
  "query-process": "packages/server/src/query-process.ts",
};

/** A server that is running reads its threads from its own bundle, even after the next ones were made. */
const BUNDLES_KEPT = 3;
/** Older than this, a build was interrupted; a younger one may still be under way beside this one. */
const BUILD_MS_MAX = 3_600_000;
const NAME_LENGTH = 16;

if (realpathSync(process.argv[1] ?? ".") === fileURLToPath(import.meta.url)) {
  const root = fileURLToPath(new URL("../..", import.meta.url));
  const esbuild = await import("esbuild").catch(() => undefined);
  // Installed without what only development needs: the sources run all the same.
  if (esbuild !== undefined) await makeBundle(root, esbuild.build);
}

/** `build` is esbuild's. Says what came of it, and never rejects. */
export async function makeBundle(root, build) {
  const target = join(root, "packages/cli/dist");
  const making = join(target, `making-${process.pid}`);
  try {
    console.log(`${relative(root, target)}: ${await bundleInto(target, making, root, build)}`);
  } catch (error) {
    console.error(`Not bundled, so \`holdfast serve\` runs from its sources: ${inOneLine(error)}`);
  } finally {
    remove(making);
  }
}

/** Nothing outside `making` is ever half made: what is finished is renamed, the pointer last. */
async function bundleInto(target, making, root, build) {
  rmSync(making, { recursive: true, force: true });
  mkdirSync(making, { recursive: true });
  // By the clock of the file system, which is coarser than the one of the process: a file that was saved a moment later can
  // have an earlier time than Date.now().
  const begun = statSync(making).mtimeMs;
  const made = join(making, "bundle");
  const { metafile, outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: ENTRY_POINTS,
    outdir: made,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node24",
    metafile: true,
    write: false,
    logLevel: "silent",
  });
  const inputs = Object.keys(metafile.inputs).map((path) => [path, fingerprint(join(root, path))]);
  // Whether it was read before or after it was saved is not to be known.
  const changed = inputs.find(([, [, mtimeMs]]) => mtimeMs >= begun);
  if (changed !== undefined) return `not bundled, because ${changed[0]} was changed meanwhile`;

  const files = outputFiles.map(({ path, contents }) => [relative(made, path), contents]);
  const name = nameOf(files);
  const place = join(target, name);
  if (!isWhole(place, files)) {
    for (const [path, contents] of files) {
      mkdirSync(dirname(join(made, path)), { recursive: true });
      writeFileSync(join(made, path), contents);
    }
    rmSync(place, { recursive: true, force: true });
    renameSync(made, place);
  }
  // The newest, also when there was one of these contents.
  utimesSync(place, new Date(), new Date());
  const pointer = join(making, POINTER_FILE);
  writeFileSync(pointer, `${JSON.stringify({ directory: name, inputs: Object.fromEntries(inputs) })}\n`);
  renameSync(pointer, join(target, POINTER_FILE));
  removeOld(target);
  return `${name}, of ${inputs.length} files`;
}

/** By its contents: bundled again from the same sources, it stays where a running server has it. */
function nameOf(files) {
  const hash = createHash("sha256");
  for (const [path, contents] of files) hash.update(`${path}\0${contents.length}\0`).update(contents);
  return `bundle-${hash.digest("hex").slice(0, NAME_LENGTH)}`;
}

function isWhole(place, files) {
  try {
    return files.every(([path, contents]) => readFileSync(join(place, path)).equals(contents));
  } catch {
    return false;
  }
}

function removeOld(target) {
  const entries = readdirSync(target).map((name) => [name, modifiedAt(join(target, name))]);
  const bundles = entries.filter(([name]) => name.startsWith("bundle")).sort(([, a], [, b]) => b - a);
  const interrupted = entries.filter(
    ([name, time]) => name.startsWith("making-") && time < Date.now() - BUILD_MS_MAX,
  );
  for (const [name] of [...bundles.slice(BUNDLES_KEPT), ...interrupted]) remove(join(target, name));
}

/** 0 for what another build has just removed. */
function modifiedAt(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** What cannot be removed now is in nobody's way. */
function remove(path) {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    // Removed by the next build.
  }
}

/** esbuild counts the errors in its first line, and names the first in the second. */
function inOneLine(error) {
  const message = error instanceof Error ? error.message : String(error);
  return message.split("\n", 2).join(" ");
}
