import { freezes } from "./experiments/freezes.ts";
import { kills } from "./experiments/kills.ts";
import { lyingHandlers } from "./experiments/lying-handlers.ts";
import { syscallKills } from "./experiments/syscall-kills.ts";
import { testShortly } from "./short-run.contract.ts";

testShortly(kills);
testShortly(freezes);
testShortly(lyingHandlers);
testShortly(syscallKills);
