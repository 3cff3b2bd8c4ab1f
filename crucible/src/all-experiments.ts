/** Every experiment, in the order in which they are run and shown. */
import type { Experiment } from "./experiment.ts";
import { bitFlips } from "./experiments/bit-flips.ts";
import { clockJumps } from "./experiments/clock-jumps.ts";
import { failingSyncs } from "./experiments/failing-syncs.ts";
import { freezes } from "./experiments/freezes.ts";
import { fullDisks } from "./experiments/full-disks.ts";
import { kills } from "./experiments/kills.ts";
import { lyingHandlers } from "./experiments/lying-handlers.ts";
import { powerCuts } from "./experiments/power-cuts.ts";
import { scarceDescriptors } from "./experiments/scarce-descriptors.ts";
import { scarceMemory } from "./experiments/scarce-memory.ts";
import { slowSyncs } from "./experiments/slow-syncs.ts";
import { syscallKills } from "./experiments/syscall-kills.ts";

export const allExperiments: readonly Experiment[] = [
  kills,
  freezes,
  syscallKills,
  powerCuts,
  failingSyncs,
  slowSyncs,
  fullDisks,
  bitFlips,
  clockJumps,
  scarceMemory,
  scarceDescriptors,
  lyingHandlers,
];
