// Builds dist/holdfast: one executable file that is the whole command line and server. docs/packaging.md says how.
//
//   npm run package

import { copyFileSync, mkdirSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";

import { ROOT } from "../source-files.ts";
import { buildExecutable, EXECUTABLE_NAME } from "./build-executable.ts";
import { runQuietly } from "./run-quietly.ts";

const BYTES_PER_MIB = 2 ** 20;
const STARTS_MEASURED = 5;

const began = performance.now();
const built = await buildExecutable();
const output = join(ROOT, "dist", EXECUTABLE_NAME);
install(built, output);
const seconds = ((performance.now() - began) / 1_000).toFixed(1);

const mebibytes = (statSync(output).size / BYTES_PER_MIB).toFixed(1);
console.log(`dist/${EXECUTABLE_NAME}: ${mebibytes} MiB, built in ${seconds} s`);
console.log(`"holdfast version" takes ${medianStartMs(output).toFixed(0)} ms`);

/** By renaming, because a file that is running cannot be written to. */
function install(from: string, to: string): void {
  mkdirSync(join(to, ".."), { recursive: true });
  copyFileSync(from, `${to}.new`);
  renameSync(`${to}.new`, to);
}

function medianStartMs(executable: string): number {
  const times = Array.from({ length: STARTS_MEASURED }, () => {
    const start = performance.now();
    runQuietly(executable, ["version"]);
    return performance.now() - start;
  });
  return times.toSorted((a, b) => a - b)[Math.floor(STARTS_MEASURED / 2)] ?? 0;
}
