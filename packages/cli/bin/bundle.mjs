// The program behind `holdfast serve` as one file for each thread, in a checkout: `npm install` makes it (packages/cli/bundle-server.mjs).
// From its sources, about 330 files, the server takes twice as long to start and half as much memory again. It is used only
// while every file that went into it has the size and the time it had then; whoever edits one runs the sources.
//
// Each bundle lies in a directory of its own, because a server starts its threads from there whenever it needs them: it must
// not find those of another bundle.

import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

/** Beside the bundles: `directory`, the name of the newest one, and `inputs`, what it was made of. */
export const POINTER_FILE = "inputs.json";

/** What tells whether a file is still the one that was bundled. */
export function fingerprint(path) {
  const { size, mtimeMs } = statSync(path);
  return [size, mtimeMs];
}

/**
 * The bundled program in `target`, or `undefined` when there is none or a source has changed. Paths are relative to `root`.
 *
 * A plain loop: whatever runs hot here makes Node load its compilers, 6 MB that a server at rest would not need.
 */
export function currentBundle(target, root) {
  try {
    const { directory, inputs } = JSON.parse(readFileSync(join(target, POINTER_FILE), "utf8"));
    for (const path in inputs) {
      const [size, mtimeMs] = inputs[path];
      const now = statSync(`${root}/${path}`);
      if (now.size !== size || now.mtimeMs !== mtimeMs) return undefined;
    }
    const program = join(target, directory, "main.js");
    return existsSync(program) ? program : undefined;
  } catch {
    return undefined; // Not made, or of files that are gone: the sources are there.
  }
}
