import { bitFlips } from "./experiments/bit-flips.ts";
import { failingSyncs } from "./experiments/failing-syncs.ts";
import { fullDisks } from "./experiments/full-disks.ts";
import { powerCuts } from "./experiments/power-cuts.ts";
import { testShortly } from "./short-run.contract.ts";

testShortly(powerCuts);
testShortly(failingSyncs);
testShortly(fullDisks);
testShortly(bitFlips);
