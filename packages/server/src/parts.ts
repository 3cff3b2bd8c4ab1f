/**
 * The parts that a server is composed of, for programs that compose them otherwise: over a simulated clock, disk and
 * network, or one decoder at a time. Not for users: names here change with the insides.
 */
export { adminSettings } from "./admin/admin-rig.ts";
export type { AdminSettings } from "./admin/admin-settings.ts";
export { createAdmin } from "./admin/admin.ts";
export type { ByteSocket } from "./byte-socket.ts";
export { type Clock, clockFrom, systemClock } from "./clock.ts";
export { loadConfig } from "./config.ts";
export { defaultEngineLimits, Engine, type EngineLimits, type EngineOptions } from "./engine.ts";
export type { HttpHandler, HttpRequest } from "./http/exchange.ts";
export { ReceiveBudget } from "./http/receive-budget.ts";
export { PlainConnection } from "./http/plain-connection.ts";
export { PlainRequestReader } from "./http/plain-request.ts";
export { readPath } from "./http/request-path.ts";
export { headerFilter } from "./http/stored-headers.ts";
export { decodeUtf8, excessOf, suspiciousKey } from "./http/strict-json.ts";
export { settings as ingressSettings, startEngine } from "./ingress/ingress-rig.ts";
export type { IngressSettings } from "./ingress/ingress-settings.ts";
export { createIngress } from "./ingress/ingress.ts";
export { checkInput } from "./ingress/input-check.ts";
export { parseManifest, parseRestateManifest } from "./invoker/discovery.ts";
export { NativeConnection as EngineConnection } from "./invoker/native-connection.ts";
export { NativeWire } from "./invoker/native-wire.ts";
export type { Exchange, ExchangeListener } from "./invoker/restate/exchange.ts";
export { RestateSession } from "./invoker/restate/restate-session.ts";
export type { Session, SessionListener, Wire } from "./invoker/wire.ts";
export type { Disk, DiskFile } from "./log/disk.ts";
export { EmbeddedLog } from "./log/embedded-log.ts";
export { FaultDisk, type InjectedFault, seededRandom } from "./log/fault-disk.ts";
export { decodeFrame, decodeHeader, encodeFrame, frameBytes, type FrameHeader } from "./log/frame.ts";
export { readBatches } from "./log/log-reader.ts";
export {
  type AppendOutcome,
  type LogBatch,
  LogCorruptError,
  LogVersionError,
  type PartitionLog,
} from "./log/log.ts";
export { LogMemory, MemoryLog } from "./log/memory-log.ts";
export { recoverLog, type Recovery, surveyLog } from "./log/recover.ts";
export {
  decodeSegmentHeader,
  encodeSegmentHeader,
  isSpareFileName,
  parseSegmentFileName,
  SEGMENT_HEADER_BYTES,
  segmentFileName,
} from "./log/segment.ts";
export type { CheckpointThresholds } from "./partition/checkpointer.ts";
export { settings } from "./settings.ts";
export { chunkName, PLACE_BITS } from "./store/journal-place.ts";
export { MemoryStore, StoreMemory } from "./store/memory-store.ts";
export { packWrites, sliceWrites, STORE_TABLES, unpackWrites } from "./store/packed-writes.ts";
export type { CheckpointStore, RowWrite } from "./store/store.ts";
