/** The seeded bugs by which the simulator itself is measured: each is one that somebody could have made. */
import type { Mutant } from "./mutant.ts";

export const mutants: readonly Mutant[] = [
  {
    name: "ack-before-durable",
    breaks: "An append is answered when it is written, and synced only with the next.",
    file: "packages/server/src/log/log-writer.ts",
    find: "this.#active.file.datasync();",
    replace: "",
  },
];
