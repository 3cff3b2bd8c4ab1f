/** What the simulator needs of the engine's own test tools. */
export { describeEntry, describeMessage, describeResult } from "./describe.ts";
export { differences, dumpTables, type Dump, type DumpDifference } from "./dump.ts";
export { object, service, workflow } from "./handlers.ts";
export { MemoryRows } from "./memory-rows.ts";
export { playHistory } from "./random-history.ts";
export { World, type WorldWatcher } from "./world.ts";
