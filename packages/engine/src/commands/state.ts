/** State of an object or workflow. Writes take effect with the command's entry, and stay whatever becomes of the attempt. */
import {
  MessageType,
  type ClearStateCommand,
  type GetLazyStateCommand,
  type GetLazyStateKeysCommand,
  type SetStateCommand,
} from "@holdfast/protocol";

import type { Fold, Refusal } from "../partition/fold.ts";
import { answer } from "../partition/journal.ts";
import { editObject } from "../partition/locks.ts";
import { byCodeUnit } from "../tables/key-order.ts";
import type { Invocation, ObjectRow } from "../tables/rows.ts";
import { objectKey } from "../tables/tables.ts";
import type { CommandScope } from "./scope.ts";
import { refuseReusedId } from "./steps.ts";

function refuseRead(row: Invocation): Refusal | undefined {
  if (row.target.kind !== "plain") return undefined;
  return {
    code: "state-not-allowed",
    message: `"${row.target.service}" is a plain service and has no state`,
  };
}

function refuseWrite(row: Invocation): Refusal | undefined {
  if (row.target.kind === "exclusive" || row.target.kind === "run") return undefined;
  const { service, handler } = row.target;
  return {
    code: "state-not-allowed",
    message: `${service}/${handler} is a ${row.target.kind} handler and cannot write state; only exclusive handlers and a workflow's run can`,
  };
}

function edit(fold: Fold, row: Invocation): ObjectRow {
  return editObject(fold.tables, row.target.service, row.target.key);
}

export function setState(
  scope: CommandScope,
  command: SetStateCommand,
  record: () => void,
): Refusal | undefined {
  const { fold, row } = scope;
  const { stateValueBytesMax, stateBytesMax } = fold.tables.settings;
  const refusal = refuseWrite(row);
  if (refusal !== undefined) return refusal;
  if (command.value.length > stateValueBytesMax) {
    return {
      code: "message-too-large",
      message: `State "${command.key}" has ${command.value.length} bytes; the limit stateValueBytesMax is ${stateValueBytesMax}`,
    };
  }
  const object = edit(fold, row);
  const replaced = object.state.get(command.key);
  const grownBy = command.value.length - (replaced?.length ?? -command.key.length);
  if (object.stateBytes + grownBy > stateBytesMax) {
    return {
      code: "message-too-large",
      message: `State of ${row.target.service}/${row.target.key} would have ${object.stateBytes + grownBy} bytes; the limit stateBytesMax is ${stateBytesMax}`,
    };
  }
  record();
  object.state.set(command.key, command.value);
  object.stateBytes += grownBy;
  object.stateVersion += 1;
  return undefined;
}

export function clearState(
  scope: CommandScope,
  command: ClearStateCommand,
  record: () => void,
): Refusal | undefined {
  const { fold, row } = scope;
  const refusal = refuseWrite(row);
  if (refusal !== undefined) return refusal;
  record();
  const object = edit(fold, row);
  const removed = object.state.get(command.key);
  if (removed === undefined) return undefined;
  object.state.delete(command.key);
  object.stateBytes -= removed.length + command.key.length;
  object.stateVersion += 1;
  return undefined;
}

export function clearAllState(
  scope: CommandScope,
  _command: unknown,
  record: () => void,
): Refusal | undefined {
  const { fold, row } = scope;
  const refusal = refuseWrite(row);
  if (refusal !== undefined) return refusal;
  record();
  const object = edit(fold, row);
  if (object.state.size === 0) return undefined;
  object.state.clear();
  object.stateBytes = 0;
  object.stateVersion += 1;
  return undefined;
}

function stateOf(scope: CommandScope): ReadonlyMap<string, Uint8Array> | undefined {
  return scope.fold.tables.objects.get(objectKey(scope.row.target.service, scope.row.target.key))?.state;
}

export function getLazyState(
  scope: CommandScope,
  command: GetLazyStateCommand,
  record: () => void,
): Refusal | undefined {
  const refusal = refuseRead(scope.row) ?? refuseReusedId(scope.row, command.completionId);
  if (refusal !== undefined) return refusal;
  record();
  const value = stateOf(scope)?.get(command.key);
  answer(
    scope.fold,
    scope.row,
    MessageType.GetLazyStateCompletion,
    command.completionId,
    value === undefined ? { kind: "void" } : { kind: "value", value },
  );
  return undefined;
}

export function getLazyStateKeys(
  scope: CommandScope,
  command: GetLazyStateKeysCommand,
  record: () => void,
): Refusal | undefined {
  const refusal = refuseRead(scope.row) ?? refuseReusedId(scope.row, command.completionId);
  if (refusal !== undefined) return refusal;
  record();
  const keys = [...(stateOf(scope)?.keys() ?? [])].sort(byCodeUnit);
  answer(scope.fold, scope.row, MessageType.GetLazyStateKeysCompletion, command.completionId, {
    kind: "state-keys",
    keys,
  });
  return undefined;
}

/** An eager read was answered by the SDK from what came with Start; it is recorded with its answer. */
export function readEagerState(scope: CommandScope, record: () => void): Refusal | undefined {
  const refusal = refuseRead(scope.row);
  if (refusal !== undefined) return refusal;
  record();
  return undefined;
}
