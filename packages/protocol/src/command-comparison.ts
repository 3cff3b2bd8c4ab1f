/**
 * The replay comparison: is the command the code issues now the one that was recorded? Everything counts that decides
 * what a command does, except for what the clock enters into (start and wake-up times), what the engine answered (eager
 * reads), the input, and what only people read (call site) or other checks use (input hash).
 */

import { messageTypeName } from "./message-codec.ts";
import {
  MessageType,
  type Command,
  type Failure,
  type Header,
  type InvocationTarget,
  type Result,
} from "./message.ts";

/** The first field two commands differ in, with both values as text for people. */
export type CommandDifference = { readonly field: string; readonly recorded: string; readonly now: string };

/** Long texts are cut to the place where they differ: this is a hint for a person, not the data. */
const SHOWN_CHARACTERS_MAX = 120;
const SHOWN_CONTEXT_CHARACTERS = 40;

const previewDecoder = new TextDecoder();

export function sameCommand(recorded: Command, now: Command): boolean {
  return commandDifference(recorded, now) === undefined;
}

/** Undefined when the commands are the same for the purposes of replay. */
export function commandDifference(recorded: Command, now: Command): CommandDifference | undefined {
  if (recorded.type !== now.type) {
    return { field: "type", recorded: messageTypeName(recorded.type), now: messageTypeName(now.type) };
  }
  if (recorded.type === MessageType.Input) return undefined;
  return differentText("name", recorded.name, now.name) ?? differentFields(recorded, now);
}

function differentFields(a: Command, b: Command): CommandDifference | undefined {
  switch (a.type) {
    case MessageType.Run:
    case MessageType.Sleep:
    case MessageType.GetLazyStateKeys:
      return b.type === a.type ? differentId(a.completionId, b.completionId) : undefined;
    case MessageType.Call:
      return b.type === a.type
        ? (differentCall(a, b) ?? differentId(a.completionId, b.completionId))
        : undefined;
    case MessageType.OneWayCall:
      return b.type === a.type ? differentCall(a, b) : undefined;
    case MessageType.GetLazyState:
    case MessageType.GetPromise:
    case MessageType.PeekPromise:
      return b.type === a.type
        ? (differentText("key", a.key, b.key) ?? differentId(a.completionId, b.completionId))
        : undefined;
    case MessageType.GetEagerState:
    case MessageType.ClearState:
      return b.type === a.type ? differentText("key", a.key, b.key) : undefined;
    case MessageType.SetState:
      return b.type === a.type
        ? (differentText("key", a.key, b.key) ?? differentBytes("value", a.value, b.value))
        : undefined;
    case MessageType.Output:
      return b.type === a.type ? differentResult(a.result, b.result) : undefined;
    case MessageType.CompletePromise:
      if (b.type !== a.type) return undefined;
      return (
        differentText("key", a.key, b.key) ??
        differentResult(a.result, b.result) ??
        differentId(a.completionId, b.completionId)
      );
    case MessageType.CompleteAwakeable:
      if (b.type !== a.type) return undefined;
      return (
        differentText("awakeableId", a.awakeableId, b.awakeableId) ?? differentResult(a.result, b.result)
      );
    case MessageType.SendSignal:
      if (b.type !== a.type) return undefined;
      return (
        differentText("target", a.target, b.target) ??
        differentText("signal", a.signalName ?? a.index?.toString(), b.signalName ?? b.index?.toString()) ??
        differentResult(a.result, b.result)
      );
    case MessageType.AttachInvocation:
    case MessageType.GetInvocationOutput:
      if (b.type !== a.type) return undefined;
      return (
        differentText("target", showTarget(a.target), showTarget(b.target)) ??
        differentId(a.completionId, b.completionId)
      );
    case MessageType.Reschedule:
      if (b.type !== a.type) return undefined;
      return differentText("target", a.target, b.target) ?? differentId(a.completionId, b.completionId);
    case MessageType.ClearAllState:
    case MessageType.GetEagerStateKeys:
    case MessageType.Input:
      return undefined;
  }
}

type AnyCall = Extract<Command, { readonly type: typeof MessageType.Call | typeof MessageType.OneWayCall }>;

function differentCall(a: AnyCall, b: AnyCall): CommandDifference | undefined {
  return (
    differentText("service", a.service, b.service) ??
    differentText("handler", a.handler, b.handler) ??
    differentText("key", a.key, b.key) ??
    differentBytes("parameter", a.parameter, b.parameter) ??
    differentPairs("headers", a.headers, b.headers) ??
    differentText("idempotencyKey", a.idempotencyKey, b.idempotencyKey) ??
    differentId(a.invocationIdCompletionId, b.invocationIdCompletionId, "invocationIdCompletionId")
  );
}

function differentText(
  field: string,
  a: string | undefined,
  b: string | undefined,
): CommandDifference | undefined {
  if (a === b) return undefined;
  const from = a === undefined || b === undefined ? 0 : excerptStart(a, b);
  return { field, recorded: showText(a, from), now: showText(b, from) };
}

function differentId(a: number, b: number, field = "completionId"): CommandDifference | undefined {
  return a === b ? undefined : { field, recorded: String(a), now: String(b) };
}

function differentBytes(field: string, a: Uint8Array, b: Uint8Array): CommandDifference | undefined {
  if (a === b) return undefined;
  let same = a.length === b.length;
  for (let index = 0; same && index < a.length; index++) same = a[index] === b[index];
  if (same) return undefined;
  const recorded = previewDecoder.decode(a);
  const now = previewDecoder.decode(b);
  if (recorded === now) return { field, recorded: `${a.length} bytes`, now: `${b.length} other bytes` };
  return differentText(field, recorded, now);
}

function differentPairs(
  field: string,
  a: readonly Header[],
  b: readonly Header[],
): CommandDifference | undefined {
  if (a.length === 0 && b.length === 0) return undefined;
  return differentText(field, JSON.stringify(a), JSON.stringify(b));
}

function differentResult(a: Result, b: Result): CommandDifference | undefined {
  if (a.kind === "value" && b.kind === "value") return differentBytes("value", a.value, b.value);
  if (a.kind === "failure" && b.kind === "failure")
    return differentText("failure", showFailure(a.failure), showFailure(b.failure));
  return differentText("result", a.kind, b.kind);
}

function showFailure(failure: Failure): string {
  return JSON.stringify([failure.code, failure.message, failure.metadata ?? []]);
}

/** Unambiguous, because it is compared as well as shown. */
function showTarget(target: InvocationTarget): string {
  if (target.kind === "invocation") return target.id;
  if (target.kind === "workflow") return JSON.stringify(["workflow", target.service, target.key]);
  return JSON.stringify(["idempotent", target.service, target.key, target.handler, target.idempotencyKey]);
}

/** Where to begin showing two long texts, so that what they differ in can be seen. */
function excerptStart(a: string, b: string): number {
  if (a.length <= SHOWN_CHARACTERS_MAX && b.length <= SHOWN_CHARACTERS_MAX) return 0;
  let common = 0;
  while (common < a.length && a[common] === b[common]) common++;
  return Math.max(0, common - SHOWN_CONTEXT_CHARACTERS);
}

function showText(text: string | undefined, from: number): string {
  if (text === undefined) return "(none)";
  const end = from + SHOWN_CHARACTERS_MAX;
  return `${from > 0 ? "…" : ""}${text.slice(from, end)}${text.length > end ? "…" : ""}`;
}
