/** Write durable handlers for Holdfast. */
export {
  service,
  object,
  type ObjectDefinition,
  type ObjectOptions,
  type ServiceDefinition,
} from "./definition/service.ts";
export { workflow, type WorkflowDefinition, type WorkflowOptions } from "./definition/workflow.ts";
export {
  handler,
  shared,
  type AnyHandler,
  type AnySharedHandler,
  type Handler,
  type HandlerFunction,
  type HandlerSpec,
  type SharedHandler,
} from "./definition/handler.ts";
export type { AttemptRetryOptions, ExecutionOptions } from "./definition/options.ts";
export type { References } from "./definition/references.ts";
export type {
  Awakeable,
  CallOptions,
  CallPromise,
  Context,
  DurableDate,
  InvocationRef,
  Log,
  LogFields,
  NamedPromise,
  ObjectContext,
  OpenState,
  OpenStateView,
  Peek,
  RetryOptions,
  RunOptions,
  SendHandle,
  SendOptions,
  Settled,
  SharedContext,
  StepScope,
  TypedState,
  TypedStateView,
  Undo,
  UndoOptions,
  Wait,
  WorkflowContext,
  WorkflowSharedContext,
} from "./context.ts";
export type { CheckDurable, Durable, NotDurable } from "./durable.ts";
export {
  CancelledError,
  MessageTooLargeError,
  NestedOperationError,
  PauseError,
  RetryableError,
  StepExhaustedError,
  TerminalError,
  TimeoutError,
  UnawaitedOperationError,
  UsageError,
  registerErrorClass,
  type TerminalErrorOptions,
} from "./errors.ts";
export { fetchHandler, FRAMES_MEDIA_TYPE, type FetchHandlerOptions } from "./endpoint/fetch-handler.ts";
export { inProcessEndpoint } from "./endpoint/in-process.ts";
export type {
  Environment,
  LogEntry,
  LogSink,
  SessionOptions,
  Timers,
  ValueCodec,
  ValuePlace,
} from "./replay/environment.ts";
export type { Turns } from "./replay/turns.ts";
export type {
  InputOf,
  OutputOf,
  SchemaRecord,
  StandardIssue,
  StandardResult,
  StandardSchema,
  StandardSchemaProps,
} from "./standard-schema.ts";
export {
  UnstorableValueError,
  type Duration,
  type HandlerRef,
  type Servable,
  type WorkflowRef,
} from "@holdfast/protocol";
