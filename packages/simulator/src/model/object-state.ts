/**
 * State of objects and workflows: the fold of the writes that were recorded (KEY-4; commands/state.test.ts). Exclusive
 * handlers and runs write, shared ones read, plain services have none. Each change is a version.
 */
import type { RecordBody } from "@holdfast/engine";
import { MessageType, type Command } from "@holdfast/protocol";

import { answer } from "./lifecycle.ts";
import {
  Refused,
  Unacceptable,
  type ModelInvocation,
  type ModelObject,
  type ModelState,
} from "./model-state.ts";
import { serviceOf } from "./services.ts";

type PatchState = Extract<RecordBody, { readonly kind: "patch-state" }>;
type StateCommand = Extract<
  Command,
  {
    type:
      | typeof MessageType.GetLazyState
      | typeof MessageType.GetLazyStateKeys
      | typeof MessageType.GetEagerState
      | typeof MessageType.GetEagerStateKeys
      | typeof MessageType.SetState
      | typeof MessageType.ClearState
      | typeof MessageType.ClearAllState;
  }
>;

const READS: ReadonlySet<number> = new Set([
  MessageType.GetLazyState,
  MessageType.GetLazyStateKeys,
  MessageType.GetEagerState,
  MessageType.GetEagerStateKeys,
]);
const WRITES: ReadonlySet<number> = new Set([
  MessageType.SetState,
  MessageType.ClearState,
  MessageType.ClearAllState,
]);

/** A handler may use state only as its kind allows. */
export function requireState({ target: { kind } }: ModelInvocation, { type }: Command): void {
  const isRefused = (WRITES.has(type) && kind === "shared") || kind === "plain";
  if (isRefused && (WRITES.has(type) || READS.has(type))) throw new Unacceptable("state-not-allowed", true);
}

export function accessState(
  state: ModelState,
  invocation: ModelInvocation,
  command: StateCommand,
  record: () => void,
): void {
  const object = state.object(invocation.target);
  switch (command.type) {
    case MessageType.GetEagerState:
    case MessageType.GetEagerStateKeys:
      return record();
    case MessageType.GetLazyState: {
      record();
      const value = object.state.get(command.key);
      const result = value === undefined ? ({ kind: "void" } as const) : ({ kind: "value", value } as const);
      return answer(state, invocation, command.completionId, result);
    }
    case MessageType.GetLazyStateKeys: {
      record();
      const keys = [...object.state.keys()].sort();
      return answer(state, invocation, command.completionId, { kind: "state-keys", keys });
    }
    default:
      return write(state, object, command, record);
  }
}

function write(
  state: ModelState,
  object: ModelObject,
  command: Extract<StateCommand, { type: 0x0403 | 0x0404 | 0x0405 }>,
  record: () => void,
): void {
  const after = new Map(object.state);
  if (command.type === MessageType.SetState) after.set(command.key, command.value);
  else if (command.type === MessageType.ClearState) after.delete(command.key);
  else after.clear();
  const isSet = command.type === MessageType.SetState;
  if (isSet && isTooLarge(state, command.value, after)) throw new Unacceptable("message-too-large", true);
  record();
  if (isSet || after.size !== object.state.size) object.version += 1;
  object.state = after;
}

function isTooLarge({ settings }: ModelState, value: Uint8Array, after: ReadonlyMap<string, Uint8Array>) {
  return value.length > settings.stateValueBytesMax || sizeOf(after) > settings.stateBytesMax;
}

function sizeOf(entries: ReadonlyMap<string, Uint8Array>): number {
  return [...entries].reduce((sum, [name, value]) => sum + name.length + value.length, 0);
}

/** Replaces the whole state, unless an attempt that may write it is running. */
export function patchState(state: ModelState, record: PatchState) {
  const { service, expectedVersion } = record;
  const kind = serviceOf(state, service)?.manifest.kind;
  if (kind === undefined) throw new Refused("service-not-found");
  if (kind === "service") throw new Refused("state-not-allowed");
  const object = state.object(record);
  const writer = state.invocations.get(object.holder ?? object.runId ?? "");
  if (writer?.status === "running") throw new Refused("state-in-use");
  if (expectedVersion !== -1 && expectedVersion !== object.version)
    throw new Refused("state-version-conflict");
  const after = new Map(record.entries);
  if (record.entries.some(([, value]) => isTooLarge(state, value, after)))
    throw new Refused("limit-exceeded");
  object.state = after;
  object.version += 1;
  return { version: object.version };
}
