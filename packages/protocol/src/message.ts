/**
 * The messages of a session: what the engine and a handler's SDK say to each other during one attempt.
 *
 * There is one message model for every wire. The in-process wire passes these objects as they are; the native wire and
 * the Restate wire encode them with `message-codec.ts`. Type codes and field meanings are those of the Restate service
 * protocol V5-V7 (so that every Restate SDK can be served by the same engine); codes marked "ours" lie in ranges that
 * protocol leaves free and are only ever sent on the native and in-process wires.
 *
 * A command or notification is stored in the journal as its type code and its encoded body, byte for byte as it came.
 */

/** Numeric type code of every message. Commands are 0x0400-0x7fff, notifications 0x8000-0xfbff, the rest is control. */
export const MessageType = {
  // Control.
  Start: 0x0000,
  Suspension: 0x0001,
  Error: 0x0002,
  End: 0x0003,
  ProposeRunCompletion: 0x0005,
  RunAck: 0x0007,
  /** Ours, from the SDK: a step's closure failed and will be tried again by the SDK within this attempt. */
  RunAttemptFailed: 0x0300,
  /** Ours, from the engine: finish what is running, then suspend. What half-closing the stream means on the Restate wire. */
  SuspendRequest: 0x0301,

  // Commands.
  Input: 0x0400,
  Output: 0x0401,
  GetLazyState: 0x0402,
  SetState: 0x0403,
  ClearState: 0x0404,
  ClearAllState: 0x0405,
  GetLazyStateKeys: 0x0406,
  GetEagerState: 0x0407,
  GetEagerStateKeys: 0x0408,
  GetPromise: 0x0409,
  PeekPromise: 0x040a,
  CompletePromise: 0x040b,
  Sleep: 0x040c,
  Call: 0x040d,
  OneWayCall: 0x040e,
  SendSignal: 0x0410,
  Run: 0x0411,
  AttachInvocation: 0x0412,
  GetInvocationOutput: 0x0413,
  CompleteAwakeable: 0x0414,
  /** Ours: change when a scheduled invocation starts. Completes with void, or with a failure when it is no longer scheduled. */
  Reschedule: 0x0440,

  // Notifications. A completion's code is 0x8000 + the low bits of its command.
  GetLazyStateCompletion: 0x8002,
  GetLazyStateKeysCompletion: 0x8006,
  GetPromiseCompletion: 0x8009,
  PeekPromiseCompletion: 0x800a,
  CompletePromiseCompletion: 0x800b,
  SleepCompletion: 0x800c,
  CallCompletion: 0x800d,
  CallInvocationIdCompletion: 0x800e,
  RunCompletion: 0x8011,
  AttachInvocationCompletion: 0x8012,
  GetInvocationOutputCompletion: 0x8013,
  /** Ours: completion of `Reschedule`. */
  RescheduleCompletion: 0x8040,
  Signal: 0xfbff,
} as const;

/** Signal index that means "cancel". Indexes 1-16 are reserved; awakeables count from `FIRST_AWAKEABLE_SIGNAL`. */
export const CANCEL_SIGNAL = 1;
export const FIRST_AWAKEABLE_SIGNAL = 17;

/** A terminal failure as it is journaled and shown to callers. `code` is an HTTP-like status (500 by default, 409 for cancel). */
export type Failure = {
  readonly code: number;
  readonly message: string;
  /** Free key/value pairs. The SDK keeps an error's name, stack, cause and own data here under keys that begin with "holdfast.". */
  readonly metadata?: ReadonlyArray<readonly [key: string, value: string]>;
};

/** The outcome of something that ends once: bytes, nothing, or a failure. Exactly one of the variants. */
export type Result =
  | { readonly kind: "value"; readonly value: Uint8Array }
  | { readonly kind: "void" }
  | { readonly kind: "failure"; readonly failure: Failure };

export type Header = readonly [name: string, value: string];

/** What every command may carry besides its own fields. `name` and `callSite` are for people; both take part in no decision of the engine. */
export type CommandMeta = {
  /** Name given by the user. Part of the replay comparison. */
  readonly name?: string;
  /** Where in the user's code the command was issued, e.g. "deploy.ts:14:9". Never part of the replay comparison. */
  readonly callSite?: string;
  /** 32-bit hash of what the user passed in (input of a call, value of a state write), for survival checks. */
  readonly inputHash?: number;
};

// -- control -------------------------------------------------------------------------------------------------------

/** Opens an attempt. `knownEntries` journal messages follow at once, the input first. */
export type StartMessage = {
  readonly type: typeof MessageType.Start;
  readonly invocationId: string;
  /** Number of journal messages (commands and notifications, in stored order) that follow. At least 1. */
  readonly knownEntries: number;
  /** State of the object or workflow at the time of this attempt; all of it unless `partialState`. */
  readonly state: ReadonlyArray<readonly [key: string, value: Uint8Array]>;
  /** True when `state` may be incomplete and unknown keys must be fetched with lazy reads. */
  readonly partialState: boolean;
  /** Object or workflow key; "" for plain services. */
  readonly key: string;
  /** Failed attempts since the last stored command. */
  readonly retryCount: number;
  /** Milliseconds since the last stored journal entry. */
  readonly sinceLastEntryMs: number;
  /** Constant over all attempts of an invocation. Unsigned 64 bit. */
  readonly randomSeed: bigint;
  /** Ours (fields 100-105): */
  readonly service: string;
  readonly handler: string;
  readonly attempt: number;
  /** Failed executions of steps that have no recorded result yet: completion id and count. Survives restarts. */
  readonly stepFailures: ReadonlyArray<readonly [completionId: number, count: number]>;
  readonly idempotencyKey?: string;
  /** Deployment the earlier entries were recorded on, where it is not the one that is attempted now ("" otherwise). For mismatch reports. */
  readonly recordedOn: string;
  /** Deployment of this attempt. */
  readonly deployment: string;
};

/** Ends an attempt without a result: the handler waits for at least one of these. */
export type SuspensionMessage = {
  readonly type: typeof MessageType.Suspension;
  readonly completions: readonly number[];
  readonly signals: readonly number[];
  /** Named signals, each with how many of that name the handler has already consumed (0 when it waits for the first). */
  readonly namedSignals: ReadonlyArray<readonly [name: string, consumed: number]>;
};

/** What the engine does about an attempt that ended with an error. */
export const ErrorBehavior = { Retry: 0, Pause: 1, Fail: 2 } as const;
export type ErrorBehavior = (typeof ErrorBehavior)[keyof typeof ErrorBehavior];

/** Ends an attempt with an error that is not the invocation's outcome. Codes: 500 user error, 570 journal mismatch, 571 protocol violation. */
export type ErrorMessage = {
  readonly type: typeof MessageType.Error;
  readonly code: number;
  readonly message: string;
  readonly stacktrace: string;
  /** Index over commands only; Input is 0. */
  readonly relatedCommandIndex?: number;
  readonly relatedCommandName?: string;
  readonly relatedCommandType?: number;
  /** Overrides the delay before the next attempt, which then does not consume one of the policy's attempts. */
  readonly nextRetryDelayMs?: number;
  readonly behavior: ErrorBehavior;
};

/** Ends an attempt and the invocation, with the last Output as the outcome (empty success when there was none). */
export type EndMessage = { readonly type: typeof MessageType.End };

/** The closure of a `Run` command ended: record this. Answered by `RunAck` once durable. */
export type ProposeRunCompletionMessage = {
  readonly type: typeof MessageType.ProposeRunCompletion;
  readonly completionId: number;
  readonly result: Result;
};

/** The proposed result of a run is durable. Takes its place among the notifications: it is the run's completion for the attempt that proposed it. */
export type RunAckMessage = { readonly type: typeof MessageType.RunAck; readonly completionId: number };

/** The closure of a `Run` failed and the SDK will try again after `nextDelayMs`. Recorded so that the count survives a crash, and for people to see. */
export type RunAttemptFailedMessage = {
  readonly type: typeof MessageType.RunAttemptFailed;
  readonly completionId: number;
  readonly failure: Failure;
  /** How many executions of this step have failed so far, this one included. */
  readonly failures: number;
  readonly nextDelayMs: number;
};

export type SuspendRequestMessage = { readonly type: typeof MessageType.SuspendRequest };

// -- commands ------------------------------------------------------------------------------------------------------

export type InputCommand = CommandMeta & {
  readonly type: typeof MessageType.Input;
  readonly headers: readonly Header[];
  readonly value: Uint8Array;
};
export type OutputCommand = CommandMeta & {
  readonly type: typeof MessageType.Output;
  readonly result: Result;
};
export type GetLazyStateCommand = CommandMeta & {
  readonly type: typeof MessageType.GetLazyState;
  readonly key: string;
  readonly completionId: number;
};
export type SetStateCommand = CommandMeta & {
  readonly type: typeof MessageType.SetState;
  readonly key: string;
  readonly value: Uint8Array;
};
export type ClearStateCommand = CommandMeta & {
  readonly type: typeof MessageType.ClearState;
  readonly key: string;
};
export type ClearAllStateCommand = CommandMeta & { readonly type: typeof MessageType.ClearAllState };
export type GetLazyStateKeysCommand = CommandMeta & {
  readonly type: typeof MessageType.GetLazyStateKeys;
  readonly completionId: number;
};
/** A read answered from the state that came with Start. Journaled with its answer (`undefined`: the key was absent). */
export type GetEagerStateCommand = CommandMeta & {
  readonly type: typeof MessageType.GetEagerState;
  readonly key: string;
  readonly value: Uint8Array | undefined;
};
export type GetEagerStateKeysCommand = CommandMeta & {
  readonly type: typeof MessageType.GetEagerStateKeys;
  readonly keys: readonly string[];
};
export type GetPromiseCommand = CommandMeta & {
  readonly type: typeof MessageType.GetPromise;
  readonly key: string;
  readonly completionId: number;
};
export type PeekPromiseCommand = CommandMeta & {
  readonly type: typeof MessageType.PeekPromise;
  readonly key: string;
  readonly completionId: number;
};
export type CompletePromiseCommand = CommandMeta & {
  readonly type: typeof MessageType.CompletePromise;
  readonly key: string;
  readonly result: Result;
  readonly completionId: number;
};
export type SleepCommand = CommandMeta & {
  readonly type: typeof MessageType.Sleep;
  /** Milliseconds since the Unix epoch. */
  readonly wakeUpAt: number;
  readonly completionId: number;
};
export type CallCommand = CommandMeta & {
  readonly type: typeof MessageType.Call;
  readonly service: string;
  readonly handler: string;
  /** "" for plain services. */
  readonly key: string;
  readonly parameter: Uint8Array;
  readonly headers: readonly Header[];
  readonly idempotencyKey?: string;
  /** Completes with the callee's invocation id, at once. */
  readonly invocationIdCompletionId: number;
  /** Completes with the callee's outcome. */
  readonly completionId: number;
};
export type OneWayCallCommand = CommandMeta & {
  readonly type: typeof MessageType.OneWayCall;
  readonly service: string;
  readonly handler: string;
  readonly key: string;
  readonly parameter: Uint8Array;
  /** Milliseconds since the Unix epoch; 0 means now. */
  readonly invokeAt: number;
  readonly headers: readonly Header[];
  readonly idempotencyKey?: string;
  readonly invocationIdCompletionId: number;
};
export type SendSignalCommand = CommandMeta & {
  readonly type: typeof MessageType.SendSignal;
  readonly target: string;
  /** Exactly one of index and signalName. */
  readonly index?: number;
  readonly signalName?: string;
  readonly result: Result;
};
export type RunCommand = CommandMeta & {
  readonly type: typeof MessageType.Run;
  readonly completionId: number;
};
export type InvocationTarget =
  | { readonly kind: "invocation"; readonly id: string }
  | {
      readonly kind: "idempotent";
      readonly service: string;
      readonly key: string;
      readonly handler: string;
      readonly idempotencyKey: string;
    }
  | { readonly kind: "workflow"; readonly service: string; readonly key: string };
export type AttachInvocationCommand = CommandMeta & {
  readonly type: typeof MessageType.AttachInvocation;
  readonly target: InvocationTarget;
  readonly completionId: number;
};
export type GetInvocationOutputCommand = CommandMeta & {
  readonly type: typeof MessageType.GetInvocationOutput;
  readonly target: InvocationTarget;
  readonly completionId: number;
};
export type CompleteAwakeableCommand = CommandMeta & {
  readonly type: typeof MessageType.CompleteAwakeable;
  readonly awakeableId: string;
  readonly result: Result;
};
export type RescheduleCommand = CommandMeta & {
  readonly type: typeof MessageType.Reschedule;
  readonly target: string;
  /** New start, milliseconds since the Unix epoch; 0 means now. */
  readonly invokeAt: number;
  readonly completionId: number;
};

export type Command =
  | InputCommand
  | OutputCommand
  | GetLazyStateCommand
  | SetStateCommand
  | ClearStateCommand
  | ClearAllStateCommand
  | GetLazyStateKeysCommand
  | GetEagerStateCommand
  | GetEagerStateKeysCommand
  | GetPromiseCommand
  | PeekPromiseCommand
  | CompletePromiseCommand
  | SleepCommand
  | CallCommand
  | OneWayCallCommand
  | SendSignalCommand
  | RunCommand
  | AttachInvocationCommand
  | GetInvocationOutputCommand
  | CompleteAwakeableCommand
  | RescheduleCommand;

// -- notifications -------------------------------------------------------------------------------------------------

/** What a completion or signal carries. `invocation-id` and `state-keys` occur only for the commands they are named after. */
export type NotificationResult =
  | Result
  | { readonly kind: "invocation-id"; readonly id: string }
  | { readonly kind: "state-keys"; readonly keys: readonly string[] };

export type CompletionType =
  | typeof MessageType.GetLazyStateCompletion
  | typeof MessageType.GetLazyStateKeysCompletion
  | typeof MessageType.GetPromiseCompletion
  | typeof MessageType.PeekPromiseCompletion
  | typeof MessageType.CompletePromiseCompletion
  | typeof MessageType.SleepCompletion
  | typeof MessageType.CallCompletion
  | typeof MessageType.CallInvocationIdCompletion
  | typeof MessageType.RunCompletion
  | typeof MessageType.AttachInvocationCompletion
  | typeof MessageType.GetInvocationOutputCompletion
  | typeof MessageType.RescheduleCompletion;

/** The answer to the command that was given `completionId`. At most one per id in a journal. */
export type CompletionNotification = {
  readonly type: CompletionType;
  readonly completionId: number;
  readonly result: NotificationResult;
};

/** A signal: cancel (index 1), an awakeable's outcome (index >= 17), or a named signal. */
export type SignalNotification = {
  readonly type: typeof MessageType.Signal;
  /** Exactly one of index and signalName. */
  readonly index?: number;
  readonly signalName?: string;
  readonly result: Result;
};

export type Notification = CompletionNotification | SignalNotification;

/** A message that lives in a journal. */
export type JournalMessage = Command | Notification;

/** What the engine sends to the SDK. */
export type EngineMessage = StartMessage | JournalMessage | RunAckMessage | SuspendRequestMessage;

/** What the SDK sends to the engine. */
export type SdkMessage =
  | Exclude<Command, InputCommand>
  | ProposeRunCompletionMessage
  | RunAttemptFailedMessage
  | SuspensionMessage
  | ErrorMessage
  | EndMessage;

export type Message = EngineMessage | SdkMessage;

export function isCommandType(type: number): boolean {
  return type >= 0x0400 && type <= 0x7fff;
}

export function isNotificationType(type: number): boolean {
  return type >= 0x8000 && type <= 0xfbff;
}
