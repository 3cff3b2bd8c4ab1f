// The program behind `holdfast serve` as one file for each thread, in a checkout: `npm install` makes it (packages/cli/bundle-server.mjs).
// From its 230 sources the server takes twice as long to start and half as much memory again. It is used only while every
// file that went into it is as it was; whoever edits one runs the sources.

import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";

/** Beside the bundle: what it was made of. */
export const INPUTS_FILE = "inputs.json";

/** What tells whether a file is still the one that was bundled. */
export function fingerprint(path) {
  const { size, mtimeMs } = statSync(path);
  return [size, mtimeMs];
}

/**
 * The bundled program in `directory`, or `undefined` when there is none or a source has changed. Paths are relative to `root`.
 *
 * A plain loop: whatever runs hot here makes Node load its compilers, 6 MB that a server at rest would not need.
 */
export function currentBundle(directory, root) {
  try {
    const inputs = JSON.parse(readFileSync(join(directory, INPUTS_FILE), "utf8"));
    for (const path in inputs) {
      const [size, mtimeMs] = inputs[path];
      const now = statSync(`${root}/${path}`);
      if (now.size !== size || now.mtimeMs !== mtimeMs) return undefined;
    }
    return join(directory, "main.js");
  } catch {
    return undefined; // Not made, half made, or of files that are gone: the sources are there.
  }
}
