/**
 * The parts that a server is composed of, for programs that compose them otherwise: over a simulated clock, disk and
 * network, or one decoder at a time. Not for users: names here change with the insides.
 */
export { createAdmin } from "./admin/admin.ts";
export type { AdminSettings } from "./admin/admin-settings.ts";
export type { ByteSocket } from "./byte-socket.ts";
export { clockFrom, type Clock } from "./clock.ts";
export { defaultEngineLimits, Engine, type EngineLimits, type EngineOptions } from "./engine.ts";
export type { HttpHandler } from "./http/exchange.ts";
export { PlainConnection } from "./http/plain-connection.ts";
export { createIngress } from "./ingress/ingress.ts";
export type { IngressSettings } from "./ingress/ingress-settings.ts";
export { checkManifest } from "./invoker/discovery.ts";
export { NativeWire } from "./invoker/native-wire.ts";
export type { Session, SessionListener, Wire } from "./invoker/wire.ts";
export type { Disk, DiskFile } from "./log/disk.ts";
export { EmbeddedLog } from "./log/embedded-log.ts";
export { FaultDisk } from "./log/fault-disk.ts";
export { LogCorruptError, type AppendOutcome, type LogBatch, type PartitionLog } from "./log/log.ts";
export type { CheckpointThresholds } from "./partition/checkpointer.ts";
export { MemoryLog } from "./log/memory-log.ts";
export { MemoryStore, StoreMemory } from "./store/memory-store.ts";
export type { CheckpointStore, RowWrite } from "./store/store.ts";
