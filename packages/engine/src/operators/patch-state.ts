/** Replacing an object's state from outside. */
import type { Outcome } from "../effect.ts";
import type { Fold } from "../partition/fold.ts";
import { editObject } from "../partition/locks.ts";
import type { PatchStateRecord } from "../record.ts";
import type { ObjectRow } from "../tables/rows.ts";
import { objectKey } from "../tables/tables.ts";

/**
 * Takes effect between two records. Refused while an attempt that may write the state is running: it works on the state it
 * began with, and would write over the change without having seen it.
 */
export function patchState(fold: Fold, record: PatchStateRecord): Outcome {
  const { service, key } = record;
  const kind = fold.tables.service(service)?.manifest.kind;
  if (kind === undefined)
    return { ok: false, code: "service-not-found", message: `Service "${service}" is not registered` };
  if (kind === "service") {
    return {
      ok: false,
      code: "state-not-allowed",
      message: `"${service}" is a plain service and has no state`,
    };
  }
  const object = fold.tables.objects.get(objectKey(service, key));
  const writer = runningWriter(fold, object);
  if (writer !== undefined) {
    return {
      ok: false,
      code: "state-in-use",
      message: `State of ${service}/${key} is being worked on by ${writer}`,
    };
  }
  const version = object?.stateVersion ?? 0;
  if (record.expectedVersion >= 0 && record.expectedVersion !== version) {
    return {
      ok: false,
      code: "state-version-conflict",
      message: `State of ${service}/${key} has version ${version}, not ${record.expectedVersion}`,
    };
  }
  const { stateValueBytesMax, stateBytesMax } = fold.tables.settings;
  // Of a key that is named twice the last value counts, and it alone.
  const state = new Map(record.entries);
  let total = 0;
  for (const [name, value] of state) {
    if (value.length > stateValueBytesMax) {
      return {
        ok: false,
        code: "limit-exceeded",
        message: `State "${name}" has ${value.length} bytes; the limit stateValueBytesMax is ${stateValueBytesMax}`,
      };
    }
    total += name.length + value.length;
  }
  if (total > stateBytesMax) {
    return {
      ok: false,
      code: "limit-exceeded",
      message: `The state has ${total} bytes; the limit stateBytesMax is ${stateBytesMax}`,
    };
  }
  const changed = editObject(fold.tables, service, key);
  changed.state.clear();
  for (const [name, value] of state) changed.state.set(name, value);
  changed.stateBytes = total;
  changed.stateVersion += 1;
  return { ok: true, detail: { version: changed.stateVersion } };
}

/** The invocation with a running attempt that may write an object's or workflow's state. */
function runningWriter(fold: Fold, object: Readonly<ObjectRow> | undefined): string | undefined {
  const id = object?.holder ?? object?.runId;
  return id !== undefined && fold.tables.invocations.get(id)?.status === "running" ? id : undefined;
}
