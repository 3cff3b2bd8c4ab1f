/** Any message the model allows, for property tests of what carries messages. */

import fc from "fast-check";

import { formatInvocationId } from "./ids.ts";
import {
  ErrorBehavior,
  MessageType,
  type Command,
  type CommandMeta,
  type CompletionType,
  type Message,
  type NotificationResult,
  type Result,
} from "./message.ts";

/** Decoded messages are ordinary objects. */
const PLAIN = { noNullPrototype: true } as const;

/** Texts without lone surrogates, which UTF-8 cannot hold; often ASCII, sometimes around the length of a fast path. */
const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 60 }),
  fc.string({ unit: "binary-ascii", maxLength: 30 }),
  fc.string({ unit: "binary-ascii", minLength: 100, maxLength: 300 }),
);
const someText = text.filter((value) => value !== "");
const bytes = fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ minLength: 100, maxLength: 400 }));
const uint32 = fc.oneof(fc.nat(200), fc.nat(0xffff_ffff));
const id = fc.oneof(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 0xffff_ffff }));
const time = fc.oneof(fc.nat(1000), fc.maxSafeNat());
const pairs = fc.array(fc.tuple(text, text), { maxLength: 4 });

const failure = fc.record(
  { code: uint32, message: text, metadata: fc.array(fc.tuple(text, text), { minLength: 1, maxLength: 3 }) },
  { requiredKeys: ["code", "message"], noNullPrototype: true },
);
const valueResult = fc.record({ kind: fc.constant("value" as const), value: bytes }, PLAIN);
const voidResult = fc.constant<Result>({ kind: "void" });
const failureResult = fc.record({ kind: fc.constant("failure" as const), failure }, PLAIN);
const result: fc.Arbitrary<Result> = fc.oneof(valueResult, voidResult, failureResult);

const notificationResult: fc.Arbitrary<NotificationResult> = fc.oneof(
  result,
  fc.record({ kind: fc.constant("invocation-id" as const), id: text }, PLAIN),
  fc.record({ kind: fc.constant("state-keys" as const), keys: fc.array(text, { maxLength: 4 }) }, PLAIN),
);

const target = fc.oneof(
  fc.record({ kind: fc.constant("invocation" as const), id: text }, PLAIN),
  fc.record(
    {
      kind: fc.constant("idempotent" as const),
      service: text,
      key: text,
      handler: text,
      idempotencyKey: text,
    },
    PLAIN,
  ),
  fc.record({ kind: fc.constant("workflow" as const), service: text, key: text }, PLAIN),
);

/** Exactly one of index and name. */
const signal = fc.oneof(fc.record({ index: uint32 }, PLAIN), fc.record({ signalName: text }, PLAIN));

const meta: fc.Arbitrary<CommandMeta> = fc.record(
  { name: someText, callSite: someText, inputHash: uint32 },
  { requiredKeys: [], noNullPrototype: true },
);
const withIdempotencyKey = fc.record({ idempotencyKey: text }, { requiredKeys: [], noNullPrototype: true });

function command(
  type: number,
  fields: Readonly<Record<string, fc.Arbitrary<unknown>>>,
): fc.Arbitrary<Command> {
  const own = fc.record({ type: fc.constant(type), ...fields }, PLAIN);
  return fc.tuple(own, meta).map(([first, second]) => ({ ...first, ...second }) as unknown as Command);
}

const call = {
  service: text,
  handler: text,
  key: text,
  parameter: bytes,
  headers: pairs,
  invocationIdCompletionId: id,
};

/** By name in `MessageType`. */
export const commandArbitraries: Readonly<Record<string, fc.Arbitrary<Command>>> = {
  Input: command(MessageType.Input, { headers: pairs, value: bytes }),
  Output: command(MessageType.Output, { result }),
  GetLazyState: command(MessageType.GetLazyState, { key: text, completionId: id }),
  SetState: command(MessageType.SetState, { key: text, value: bytes }),
  ClearState: command(MessageType.ClearState, { key: text }),
  ClearAllState: command(MessageType.ClearAllState, {}),
  GetLazyStateKeys: command(MessageType.GetLazyStateKeys, { completionId: id }),
  GetEagerState: command(MessageType.GetEagerState, {
    key: text,
    value: fc.option(bytes, { nil: undefined }),
  }),
  GetEagerStateKeys: command(MessageType.GetEagerStateKeys, { keys: fc.array(text, { maxLength: 4 }) }),
  GetPromise: command(MessageType.GetPromise, { key: text, completionId: id }),
  PeekPromise: command(MessageType.PeekPromise, { key: text, completionId: id }),
  CompletePromise: command(MessageType.CompletePromise, { key: text, result, completionId: id }),
  Sleep: command(MessageType.Sleep, { wakeUpAt: time, completionId: id }),
  Call: withExtra(command(MessageType.Call, { ...call, completionId: id }), withIdempotencyKey),
  OneWayCall: withExtra(command(MessageType.OneWayCall, { ...call, invokeAt: time }), withIdempotencyKey),
  SendSignal: withExtra(command(MessageType.SendSignal, { target: text, result }), signal),
  Run: command(MessageType.Run, { completionId: id }),
  AttachInvocation: command(MessageType.AttachInvocation, { target, completionId: id }),
  GetInvocationOutput: command(MessageType.GetInvocationOutput, { target, completionId: id }),
  CompleteAwakeable: command(MessageType.CompleteAwakeable, { awakeableId: text, result }),
  Reschedule: command(MessageType.Reschedule, { target: text, invokeAt: time, completionId: id }),
};

function withExtra(own: fc.Arbitrary<Command>, extra: fc.Arbitrary<object>): fc.Arbitrary<Command> {
  return fc.tuple(own, extra).map(([first, second]) => ({ ...first, ...second }));
}

function completion(type: CompletionType): fc.Arbitrary<Message> {
  return fc.record({ type: fc.constant(type), completionId: id, result: notificationResult }, PLAIN);
}

const notificationArbitraries: Readonly<Record<string, fc.Arbitrary<Message>>> = {
  GetLazyStateCompletion: completion(MessageType.GetLazyStateCompletion),
  GetLazyStateKeysCompletion: completion(MessageType.GetLazyStateKeysCompletion),
  GetPromiseCompletion: completion(MessageType.GetPromiseCompletion),
  PeekPromiseCompletion: completion(MessageType.PeekPromiseCompletion),
  CompletePromiseCompletion: completion(MessageType.CompletePromiseCompletion),
  SleepCompletion: completion(MessageType.SleepCompletion),
  CallCompletion: completion(MessageType.CallCompletion),
  CallInvocationIdCompletion: completion(MessageType.CallInvocationIdCompletion),
  RunCompletion: completion(MessageType.RunCompletion),
  AttachInvocationCompletion: completion(MessageType.AttachInvocationCompletion),
  GetInvocationOutputCompletion: completion(MessageType.GetInvocationOutputCompletion),
  RescheduleCompletion: completion(MessageType.RescheduleCompletion),
  Signal: fc
    .tuple(fc.record({ type: fc.constant(MessageType.Signal), result }, PLAIN), signal)
    .map(([first, second]) => ({ ...first, ...second })),
};

const suspension = fc
  .record(
    {
      type: fc.constant(MessageType.Suspension),
      completions: fc.array(uint32, { maxLength: 5 }),
      signals: fc.array(uint32, { maxLength: 5 }),
      namedSignals: fc.array(fc.tuple(text, uint32), { maxLength: 3 }),
    },
    PLAIN,
  )
  .filter(
    ({ completions, signals, namedSignals }) => completions.length + signals.length + namedSignals.length > 0,
  );

const start = fc.record(
  {
    type: fc.constant(MessageType.Start),
    invocationId: fc.uint8Array({ minLength: 24, maxLength: 24 }).map(formatInvocationId),
    knownEntries: id,
    state: fc.array(fc.tuple(text, bytes), { maxLength: 4 }),
    partialState: fc.boolean(),
    key: text,
    retryCount: uint32,
    sinceLastEntryMs: time,
    randomSeed: fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn }),
    service: text,
    handler: text,
    attempt: uint32,
    stepFailures: fc.array(fc.tuple(uint32, uint32), { maxLength: 3 }),
    idempotencyKey: text,
    recordedOn: text,
    deployment: text,
  },
  {
    noNullPrototype: true,
    requiredKeys: [
      "type",
      "invocationId",
      "knownEntries",
      "state",
      "partialState",
      "key",
      "retryCount",
      "sinceLastEntryMs",
      "randomSeed",
      "service",
      "handler",
      "attempt",
      "stepFailures",
      "recordedOn",
      "deployment",
    ],
  },
);

const error = fc.record(
  {
    type: fc.constant(MessageType.Error),
    code: uint32,
    message: text,
    stacktrace: text,
    relatedCommandIndex: uint32,
    relatedCommandName: text,
    relatedCommandType: uint32,
    nextRetryDelayMs: time,
    behavior: fc.constantFrom(...Object.values(ErrorBehavior)),
  },
  { noNullPrototype: true, requiredKeys: ["type", "code", "message", "stacktrace", "behavior"] },
);

const controlArbitraries: Readonly<Record<string, fc.Arbitrary<Message>>> = {
  Start: start,
  Suspension: suspension,
  Error: error,
  End: fc.constant({ type: MessageType.End }),
  ProposeRunCompletion: fc.record(
    { type: fc.constant(MessageType.ProposeRunCompletion), completionId: id, result },
    PLAIN,
  ),
  RunAck: fc.record({ type: fc.constant(MessageType.RunAck), completionId: id }, PLAIN),
  RunAttemptFailed: fc.record(
    {
      type: fc.constant(MessageType.RunAttemptFailed),
      completionId: id,
      failure,
      failures: uint32,
      nextDelayMs: time,
    },
    PLAIN,
  ),
  SuspendRequest: fc.constant({ type: MessageType.SuspendRequest }),
};

/** By name in `MessageType`; every type has one. */
export const messageArbitraries: Readonly<Record<string, fc.Arbitrary<Message>>> = {
  ...controlArbitraries,
  ...commandArbitraries,
  ...notificationArbitraries,
};

export const anyMessage: fc.Arbitrary<Message> = fc.oneof(...Object.values(messageArbitraries));
