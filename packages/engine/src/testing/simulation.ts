/** What the simulator drives the engine with, and looks into it by: test tools of the engine's own. */
export { sessionMessage, type Attempt, type AttemptHost } from "./attempt.ts";
export { describeEntry, describeMessage, describeResult } from "./describe.ts";
export { differences, dumpTables, type Dump, type DumpDifference } from "./dump.ts";
export { object, service, workflow } from "./handlers.ts";
export { MemoryRows } from "./memory-rows.ts";
export { playHistory } from "./random-history.ts";
export { World, type WorldOptions, type WorldWatcher } from "./world.ts";
