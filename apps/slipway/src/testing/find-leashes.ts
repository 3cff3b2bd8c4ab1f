import { readFileSync } from "node:fs";

import { findLeftovers } from "../process/leftovers.ts";

/** Process ids of the leashes on a data directory. Linux only. */
export function findLeashes(directory: string): readonly number[] {
  return findLeftovers(directory).filter((pid) =>
    readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("leash.ts"),
  );
}
