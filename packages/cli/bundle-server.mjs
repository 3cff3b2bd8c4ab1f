// Makes packages/cli/dist/bundle: what packages/cli/bin/bundle.mjs describes. Run by `npm install` (as "prepare") on whatever
// Node the machine has, so plain JavaScript.

import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

import { fingerprint, INPUTS_FILE } from "./bin/bundle.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));
const target = join(root, "packages/cli/dist/bundle");
/** The threads lie where packages/server/src/worker-source.ts looks for them: beside the program, by these names. */
const entryPoints = {
  main: "packages/cli/src/main.ts",
  "log/log-worker": "packages/server/src/log/log-worker.ts",
  "store/store-worker": "packages/server/src/store/store-worker.ts",
};

const esbuild = await import("esbuild").catch(() => undefined);
// Installed without what only development needs: the sources run all the same.
if (esbuild !== undefined) await makeBundle(esbuild);

async function makeBundle({ build }) {
  const making = `${target}.${process.pid}`;
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints,
    outdir: making,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node24",
    metafile: true,
    logLevel: "error",
  });
  const inputs = Object.keys(metafile.inputs).map((path) => [path, fingerprint(join(root, path))]);
  writeFileSync(join(making, INPUTS_FILE), `${JSON.stringify(Object.fromEntries(inputs))}\n`);
  // One that is being used right now has been read already.
  rmSync(target, { recursive: true, force: true });
  mkdirSync(join(target, ".."), { recursive: true });
  renameSync(making, target);
  console.log(`${relative(root, target)}: ${inputs.length} sources`);
}
