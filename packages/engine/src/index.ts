export { AssertionFailedError, assert, must, unreachable } from "./assert.ts";
export { checkTables, type TableProblem, type TableReport } from "./check/check-tables.ts";
export { BinaryReader, BinaryWriter, DecodeError } from "./codec/binary.ts";
export { decodeInvocation } from "./codec/invocation-codec.ts";
export {
  decodeRecords,
  encodeRecord,
  RECORD_FORMAT_VERSION,
  RecordVersionError,
} from "./codec/record-codec.ts";
export type {
  AbortAttemptEffect,
  AckRunEffect,
  ClearTimerEffect,
  CompletedEffect,
  DeliverEffect,
  Effect,
  Outcome,
  OutcomeDetail,
  SetTimerEffect,
  StartAttemptEffect,
} from "./effect.ts";
export { hashBytes, hashText, randomSeedOf } from "./hash.ts";
export { defaultFoldSettings, type FoldSettings } from "./limits.ts";
export { Partition, type Applied } from "./partition/apply.ts";
export { ENGINE_CRASHED, ENGINE_RESTARTED } from "./partition/attempt-end.ts";
export type { LogRecord, RecordBody, SessionMessage } from "./record.ts";
export { deploymentAt } from "./operators/deployments.ts";
export type {
  AwaitingSet,
  DeploymentRow,
  HandlerSettings,
  Invocation,
  InvocationEvent,
  InvocationSource,
  InvocationStatus,
  JournalEntry,
  ObjectRow,
  OpenOperation,
  PromiseRow,
  ServiceOverrides,
  Target,
  TimerRow,
} from "./tables/rows.ts";
export type { RowSource, RowWrite } from "./tables/table.ts";
export {
  columnsOf,
  objectKey,
  splitObjectKey,
  Tables,
  timerDue,
  type CheckpointWrite,
  type InvocationColumns,
  type ServiceRow,
} from "./tables/tables.ts";
