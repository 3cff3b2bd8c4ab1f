/** A journal for people: every entry decoded, and every command linked to what completed it. */
import type { Invocation, JournalEntry } from "@holdfast/engine";
import {
  CANCEL_SIGNAL,
  decodeJournalMessage,
  formatAwakeableId,
  isCommandType,
  messageTypeName,
  MessageType,
  type Command,
  type InvocationTarget,
  type JournalEntryInfo,
  type JournalMessage,
  type Notification,
  type NotificationResult,
  type ValuePreview,
} from "@holdfast/protocol";

import { failureInfo } from "./failure-view.ts";
import { iso } from "./shown-time.ts";
import { previewOf } from "./value-preview.ts";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Entry = Mutable<JournalEntryInfo>;
type Shown = Pick<Entry, "name" | "detail" | "value" | "failure" | "invocationId" | "completionId">;

/** `entries` begin with the first of the journal, since a completion is linked to a command before it. */
export function journalView(
  row: Readonly<Invocation>,
  entries: readonly JournalEntry[],
): readonly JournalEntryInfo[] {
  const views: Entry[] = [];
  const waiting = new Map<number, Entry>();
  let commandIndex = 0;
  for (const [index, entry] of entries.entries()) {
    const isCommand = isCommandType(entry.type);
    const view: Entry = {
      index,
      ...(isCommand ? { commandIndex } : {}),
      kind: isCommand ? "command" : "notification",
      type: messageTypeName(entry.type),
      at: iso(entry.at),
      attempt: entry.attempt,
      ...(entry.deployment === "" ? {} : { deployment: entry.deployment }),
      ...(entry.cause === "" ? {} : { cause: entry.cause }),
    };
    views.push(view);
    if (isCommand) commandIndex += 1;
    const message = decode(entry);
    if (message === undefined) view.detail = `${entry.body.length} bytes that cannot be decoded`;
    else if ("completionId" in message && !isCommandType(message.type))
      complete(waiting, view, message as Notification);
    else if (message.type === MessageType.Signal) showSignal(row, view, message);
    else showCommand(row, waiting, view, message as Command);
  }
  return views;
}

export function inputHeaders(entry: JournalEntry): ReadonlyArray<readonly [string, string]> | undefined {
  const message = decode(entry);
  return message?.type === MessageType.Input ? message.headers : undefined;
}

function decode(entry: JournalEntry): JournalMessage | undefined {
  try {
    return decodeJournalMessage(entry.type, entry.body);
  } catch {
    return undefined; // Shown as such: one bad entry must not hide the others.
  }
}

function showCommand(
  row: Readonly<Invocation>,
  waiting: Map<number, Entry>,
  view: Entry,
  message: Command,
): void {
  Object.assign(view, describe(message));
  if (message.name !== undefined) view.name = message.name;
  if (message.callSite !== undefined) view.callSite = message.callSite;
  if (message.inputHash !== undefined) view.inputHash = message.inputHash;
  if ("invocationIdCompletionId" in message) waiting.set(message.invocationIdCompletionId, view);
  if (!("completionId" in message)) return;
  view.completionId = message.completionId;
  view.completed = false;
  waiting.set(message.completionId, view);
  const open = row.open.get(message.completionId);
  if (open === undefined || open.failures === 0) return;
  view.stepFailures = open.failures;
  view.lastStepFailure = { code: 500, message: open.lastFailure };
}

function complete(waiting: ReadonlyMap<number, Entry>, view: Entry, message: Notification): void {
  if (!("completionId" in message)) return;
  const { completionId, result } = message;
  Object.assign(view, showResult(result));
  view.completionId = completionId;
  const command = waiting.get(completionId);
  if (command === undefined) return;
  view.detail = `completes entry ${command.index}${command.name === undefined ? "" : ` (${command.name})`}`;
  if (result.kind === "invocation-id") {
    command.invocationId = result.id;
    return;
  }
  command.completed = true;
  command.completedBy = view.index;
  command.completedAt = view.at;
}

function showSignal(
  row: Readonly<Invocation>,
  view: Entry,
  signal: Extract<Notification, { readonly type: typeof MessageType.Signal }>,
): void {
  Object.assign(view, showResult(signal.result));
  if (signal.signalName !== undefined) view.name = signal.signalName;
  else if (signal.index === CANCEL_SIGNAL) view.name = "cancel";
  else if (signal.index !== undefined) view.detail = `awakeable ${formatAwakeableId(row.id, signal.index)}`;
}

function describe(message: Command): Shown {
  switch (message.type) {
    case MessageType.Input:
      return { value: previewOf(message.value) };
    case MessageType.Output:
      return showResult(message.result);
    case MessageType.Run:
      return {};
    case MessageType.Sleep:
      return { detail: `until ${iso(message.wakeUpAt)}` };
    case MessageType.Call: {
      const name = calleeText(message);
      return { name, detail: `call ${name}`, value: previewOf(message.parameter) };
    }
    case MessageType.OneWayCall: {
      const name = calleeText(message);
      const when = message.invokeAt === 0 ? "" : ` at ${iso(message.invokeAt)}`;
      return { name, detail: `send ${name}${when}`, value: previewOf(message.parameter) };
    }
    case MessageType.SetState:
      return { name: message.key, detail: `set "${message.key}"`, value: previewOf(message.value) };
    case MessageType.GetEagerState:
      return { name: message.key, detail: `get "${message.key}"`, ...optionalValue(message.value) };
    case MessageType.GetLazyState:
      return { name: message.key, detail: `get "${message.key}"` };
    case MessageType.ClearState:
      return { name: message.key, detail: `clear "${message.key}"` };
    case MessageType.ClearAllState:
      return { detail: "clear all state" };
    case MessageType.GetLazyStateKeys:
      return { detail: "list the keys of the state" };
    case MessageType.GetEagerStateKeys:
      return { detail: `list the keys of the state: ${message.keys.join(", ")}` };
    default:
      return describeMeeting(message);
  }
}

type Meeting = Extract<
  Command,
  {
    readonly type:
      | typeof MessageType.GetPromise
      | typeof MessageType.PeekPromise
      | typeof MessageType.CompletePromise
      | typeof MessageType.SendSignal
      | typeof MessageType.AttachInvocation
      | typeof MessageType.GetInvocationOutput
      | typeof MessageType.CompleteAwakeable
      | typeof MessageType.Reschedule;
  }
>;

/** Commands by which invocations meet others. */
function describeMeeting(message: Meeting): Shown {
  switch (message.type) {
    case MessageType.GetPromise:
      return { name: message.key, detail: `await promise "${message.key}"` };
    case MessageType.PeekPromise:
      return { name: message.key, detail: `peek promise "${message.key}"` };
    case MessageType.CompletePromise:
      return {
        name: message.key,
        detail: `${message.result.kind === "failure" ? "reject" : "resolve"} promise "${message.key}"`,
        ...showResult(message.result),
      };
    case MessageType.SendSignal: {
      const { target, index, signalName, result } = message;
      const what =
        signalName === undefined
          ? index === CANCEL_SIGNAL
            ? "cancel"
            : `signal ${index}`
          : `signal "${signalName}"`;
      return { detail: `send ${what} to ${target}`, invocationId: target, ...showResult(result) };
    }
    case MessageType.AttachInvocation:
      return { detail: `attach to ${addressText(message.target)}` };
    case MessageType.GetInvocationOutput:
      return { detail: `get the output of ${addressText(message.target)}` };
    case MessageType.CompleteAwakeable:
      return { detail: `complete awakeable ${message.awakeableId}`, ...showResult(message.result) };
    case MessageType.Reschedule:
      return {
        detail: `move ${message.target} to ${message.invokeAt === 0 ? "now" : iso(message.invokeAt)}`,
        invocationId: message.target,
      };
  }
}

function showResult(result: NotificationResult): Shown {
  switch (result.kind) {
    case "value":
      return { value: previewOf(result.value) };
    case "failure":
      return { failure: failureInfo(result.failure) };
    case "invocation-id":
      return { invocationId: result.id };
    case "state-keys":
      return { detail: result.keys.join(", ") };
    case "void":
      return {};
  }
}

function optionalValue(value: Uint8Array | undefined): { value?: ValuePreview } {
  return value === undefined ? {} : { value: previewOf(value) };
}

function calleeText(callee: {
  readonly service: string;
  readonly key: string;
  readonly handler: string;
}): string {
  const { service, key, handler } = callee;
  return key === "" ? `${service}/${handler}` : `${service}/${key}/${handler}`;
}

function addressText(target: InvocationTarget): string {
  switch (target.kind) {
    case "invocation":
      return target.id;
    case "workflow":
      return `${target.service}/${target.key}`;
    case "idempotent":
      return `${calleeText(target)} with idempotency key "${target.idempotencyKey}"`;
  }
}
