/**
 * The parts that a server is composed of, for programs that compose them otherwise: over a simulated clock, disk and
 * network, or one decoder at a time. Not for users: names here change with the insides.
 */
export type { Clock } from "./clock.ts";
export { Engine, type EngineOptions } from "./engine.ts";
export type { Disk, DiskFile } from "./log/disk.ts";
export { EmbeddedLog } from "./log/embedded-log.ts";
export { MemoryStore, StoreMemory } from "./store/memory-store.ts";
