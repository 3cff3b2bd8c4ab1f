import { clockJumps } from "./experiments/clock-jumps.ts";
import { scarceDescriptors } from "./experiments/scarce-descriptors.ts";
import { scarceMemory } from "./experiments/scarce-memory.ts";
import { slowSyncs } from "./experiments/slow-syncs.ts";
import { testShortly } from "./short-run.contract.ts";

testShortly(slowSyncs);
testShortly(clockJumps);
testShortly(scarceMemory);
testShortly(scarceDescriptors);
