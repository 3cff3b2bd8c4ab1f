/** Every experiment, in the order in which they are run and shown. */
import type { Experiment } from "./experiment.ts";
import { failingSyncs } from "./experiments/failing-syncs.ts";
import { fullDisks } from "./experiments/full-disks.ts";
import { kills } from "./experiments/kills.ts";
import { powerCuts } from "./experiments/power-cuts.ts";
import { slowSyncs } from "./experiments/slow-syncs.ts";
import { syscallKills } from "./experiments/syscall-kills.ts";

export const allExperiments: readonly Experiment[] = [
  kills,
  syscallKills,
  powerCuts,
  failingSyncs,
  slowSyncs,
  fullDisks,
];
