/**
 * Entries of journals in the JSON that Restate's tools and tests read: a command or a notification, its kind, its fields.
 * The lite form has no payloads. What stands here follows from how entries look there, not from any schema: a kind that was
 * never seen there has the fields that ours has.
 */
import {
  isCommandType,
  messageTypeName,
  MessageType,
  type Command,
  type Failure,
  type Header,
  type InvocationTarget,
  type NotificationResult,
} from "@holdfast/protocol";

import type { ReadEntry, ReadJournal } from "./journal-reader.ts";

export type JsonForm = "whole" | "lite";
type Fields = Readonly<Record<string, unknown>>;

type Entry = ReadEntry & { readonly journal: ReadJournal };

/** "Run" for the command and for its completion. */
export function entryKind(type: number): string {
  const name = messageTypeName(type);
  return isCommandType(type) ? name : name.replace(/Completion$/, "");
}

export function entryJson(row: Entry, form: JsonForm): string | undefined {
  const { message, entry } = row;
  if (message === undefined) return undefined;
  const kind = entryKind(entry.type);
  if (isCommandType(message.type)) {
    const fields = { ...commandFields(row, message as Command, form), name: nameOf(message as Command) };
    return JSON.stringify({ Command: { [kind]: fields } });
  }
  if (message.type === MessageType.Signal) {
    const signalId =
      message.signalName === undefined ? { Index: message.index } : { Name: message.signalName };
    if (form === "whole")
      return JSON.stringify({ Notification: { Signal: { id: signalId, result: resultOf(message.result) } } });
    const id =
      message.signalName === undefined ? { SignalIndex: message.index } : { SignalName: message.signalName };
    return JSON.stringify({ Notification: { ty: "Signal", id, result: resultName(message.result) } });
  }
  if (!("completionId" in message) || !("result" in message)) return undefined;
  const { completionId, result } = message as { completionId: number; result: NotificationResult };
  if (form === "lite") {
    const lite = {
      ty: { Completion: kind },
      id: { CompletionId: completionId },
      result: resultName(result),
    };
    return JSON.stringify({ Notification: lite });
  }
  const fields = { completion_id: completionId, ...completionFields(message.type, result) };
  return JSON.stringify({ Notification: { Completion: { [kind]: fields } } });
}

function commandFields(row: Entry, message: Command, form: JsonForm): Fields {
  switch (message.type) {
    case MessageType.Input:
      return { headers: headersOf(message.headers), ...payload("payload", message.value, form) };
    case MessageType.Output:
      return { result: form === "whole" ? resultOf(message.result) : resultName(message.result) };
    case MessageType.Sleep:
      return { wake_up_time: message.wakeUpAt, completion_id: message.completionId };
    case MessageType.Call:
      return {
        request: requestOf(row, message, form),
        invocation_id_completion_id: message.invocationIdCompletionId,
        result_completion_id: message.completionId,
      };
    case MessageType.OneWayCall:
      return {
        request: requestOf(row, message, form),
        invoke_time: message.invokeAt,
        invocation_id_completion_id: message.invocationIdCompletionId,
      };
    case MessageType.SetState:
      return { key: message.key, ...payload("value", message.value, form) };
    case MessageType.GetEagerState:
      return { key: message.key, ...eagerResult(message.value, form) };
    case MessageType.GetEagerStateKeys:
      return form === "whole" ? { state_keys: message.keys } : {};
    default:
      return plainFields(message, form);
  }
}

type Plain = Exclude<
  Command,
  {
    readonly type:
      | typeof MessageType.Input
      | typeof MessageType.Output
      | typeof MessageType.Sleep
      | typeof MessageType.Call
      | typeof MessageType.OneWayCall
      | typeof MessageType.SetState
      | typeof MessageType.GetEagerState
      | typeof MessageType.GetEagerStateKeys;
  }
>;

/** Commands whose fields are ids, names and at most a result. */
function plainFields(message: Plain, form: JsonForm): Fields {
  return {
    ...("key" in message ? { key: message.key } : {}),
    ...("awakeableId" in message ? { id: message.awakeableId } : {}),
    ...("target" in message ? targetFields(message.target) : {}),
    ...("invokeAt" in message ? { invoke_time: message.invokeAt } : {}),
    ...(message.type === MessageType.SendSignal
      ? {
          signal_id:
            message.signalName === undefined ? { Index: message.index } : { Name: message.signalName },
        }
      : {}),
    ...("result" in message
      ? { result: form === "whole" ? resultOf(message.result) : resultName(message.result) }
      : {}),
    ...("completionId" in message ? { completion_id: message.completionId } : {}),
  };
}

function targetFields(target: string | InvocationTarget): Fields {
  if (typeof target === "string") return { target_invocation_id: target };
  switch (target.kind) {
    case "invocation":
      return { target: { InvocationId: target.id } };
    case "workflow":
      return { target: { Workflow: { service_name: target.service, key: target.key } } };
    case "idempotent": {
      const { service, key, handler, idempotencyKey } = target;
      const keyed = key === "" ? {} : { service_key: key };
      return {
        target: {
          IdempotentRequest: {
            service_name: service,
            ...keyed,
            service_handler: handler,
            idempotency_key: idempotencyKey,
          },
        },
      };
    }
  }
}

type CallMessage = Extract<
  Command,
  { readonly type: typeof MessageType.Call | typeof MessageType.OneWayCall }
>;

function requestOf({ journal }: Entry, message: CallMessage, form: JsonForm): Fields {
  const { service, key, handler, idempotencyKey } = message;
  const invocationId = journal.invocationId(message.invocationIdCompletionId);
  return {
    ...(invocationId === undefined ? {} : { invocation_id: invocationId }),
    invocation_target: { name: service, ...(key === "" ? {} : { key }), handler },
    ...payload("parameter", message.parameter, form),
    headers: headersOf(message.headers),
    ...(idempotencyKey === undefined ? {} : { idempotency_key: idempotencyKey }),
  };
}

/** What the notification of a kind carries beside its id. */
function completionFields(type: number, result: NotificationResult): Fields {
  if (result.kind === "invocation-id") return { invocation_id: result.id };
  if (result.kind === "state-keys") return { state_keys: result.keys };
  return type === MessageType.SleepCompletion ? {} : { result: resultOf(result) };
}

function resultOf(result: NotificationResult): unknown {
  switch (result.kind) {
    case "value":
      return { Success: bytesOf(result.value) };
    case "failure":
      return { Failure: failureOf(result.failure) };
    case "void":
      return "Void";
    case "invocation-id":
      return { InvocationId: result.id };
    case "state-keys":
      return { StateKeys: result.keys };
  }
}

function resultName({ kind }: NotificationResult): string {
  return {
    value: "Success",
    failure: "Failure",
    void: "Void",
    "invocation-id": "InvocationId",
    "state-keys": "StateKeys",
  }[kind];
}

function failureOf({ code, message, metadata = [] }: Failure): Fields {
  return { code, message, metadata: metadata.map(([key, value]) => ({ key, value })) };
}

function eagerResult(value: Uint8Array | undefined, form: JsonForm): Fields {
  const result: NotificationResult = value === undefined ? { kind: "void" } : { kind: "value", value };
  return { result: form === "whole" ? resultOf(result) : resultName(result) };
}

function payload(name: string, value: Uint8Array, form: JsonForm): Fields {
  return form === "whole" ? { [name]: bytesOf(value) } : {};
}

function bytesOf(bytes: Uint8Array): readonly number[] {
  return Array.from(bytes);
}

function headersOf(headers: readonly Header[]): ReadonlyArray<Fields> {
  return headers.map(([name, value]) => ({ name, value }));
}

function nameOf({ name }: Command): string {
  return name ?? "";
}
