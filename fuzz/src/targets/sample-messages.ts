/** One message of each kind, as both ends of the wire send them. */
import {
  encodeMessage,
  ErrorBehavior,
  formatInvocationId,
  MessageType,
  type Message,
} from "@holdfast/protocol";

const bytes = Uint8Array.of(34, 97, 34);
const result = { kind: "value", value: bytes } as const;
const failure = { code: 500, message: "no", metadata: [["a", "b"]] } as const;
const call = {
  service: "Echo",
  handler: "echo",
  key: "",
  parameter: bytes,
  headers: [["a", "b"]],
  invocationIdCompletionId: 1,
} as const;
export const INVOCATION_ID: string = formatInvocationId(new Uint8Array(24).fill(7));

export const START: Message & { readonly type: typeof MessageType.Start } = {
  type: MessageType.Start,
  invocationId: INVOCATION_ID,
  knownEntries: 1,
  state: [["n", bytes]],
  partialState: false,
  key: "",
  retryCount: 0,
  sinceLastEntryMs: 0,
  randomSeed: 1n,
  service: "Echo",
  handler: "echo",
  attempt: 1,
  stepFailures: [],
  recordedOn: "",
  deployment: "dp_1",
};

/** From the engine to the SDK. */
export const engineMessages: readonly Message[] = [
  START,
  { type: MessageType.Input, headers: [["a", "b"]], value: bytes },
  { type: MessageType.RunCompletion, completionId: 1, result },
  { type: MessageType.SleepCompletion, completionId: 2, result: { kind: "void" } },
  {
    type: MessageType.CallInvocationIdCompletion,
    completionId: 1,
    result: { kind: "invocation-id", id: INVOCATION_ID },
  },
  {
    type: MessageType.GetLazyStateKeysCompletion,
    completionId: 3,
    result: { kind: "state-keys", keys: ["n"] },
  },
  { type: MessageType.Signal, index: 17, result: { kind: "failure", failure } },
  { type: MessageType.Signal, signalName: "go", result },
  { type: MessageType.RunAck, completionId: 1 },
  { type: MessageType.SuspendRequest },
];

/** From the SDK to the engine. */
export const sdkMessages: readonly Message[] = [
  { type: MessageType.Run, completionId: 1, name: "step", callSite: "a.ts:1" },
  { type: MessageType.ProposeRunCompletion, completionId: 1, result },
  { type: MessageType.RunAttemptFailed, completionId: 1, failure, failures: 1, nextDelayMs: 50 },
  { type: MessageType.Sleep, completionId: 2, wakeUpAt: 1_893_456_000_000 },
  { type: MessageType.Call, ...call, completionId: 2 },
  { type: MessageType.OneWayCall, ...call, invokeAt: 0, idempotencyKey: "once" },
  { type: MessageType.SetState, key: "n", value: bytes },
  { type: MessageType.GetPromise, key: "ok", completionId: 4 },
  { type: MessageType.AttachInvocation, target: { kind: "invocation", id: INVOCATION_ID }, completionId: 5 },
  { type: MessageType.CompleteAwakeable, awakeableId: "sign_1", result },
  { type: MessageType.Output, result },
  { type: MessageType.Suspension, completions: [1, 2], signals: [1], namedSignals: [["go", 1]] },
  { type: MessageType.Error, code: 500, message: "no", stacktrace: "", behavior: ErrorBehavior.Pause },
  { type: MessageType.End },
];

export const sampleBodies: ReadonlyArray<{ readonly type: number; readonly body: Uint8Array }> = [
  ...engineMessages,
  ...sdkMessages,
].map((message) => ({ type: message.type, body: encodeMessage(message) }));
