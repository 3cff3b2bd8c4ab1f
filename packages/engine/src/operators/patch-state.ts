/** Replacing an object's state from outside. */
import type { Outcome } from "../effect.ts";
import type { Fold } from "../partition/fold.ts";
import { editObject } from "../partition/locks.ts";
import type { PatchStateRecord } from "../record.ts";
import { objectKey } from "../tables/tables.ts";

/** Takes effect between two records; an attempt that is running keeps the state it began with until its next. */
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
  const version = fold.tables.objects.get(objectKey(service, key))?.stateVersion ?? 0;
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
  const object = editObject(fold.tables, service, key);
  object.state.clear();
  for (const [name, value] of state) object.state.set(name, value);
  object.stateBytes = total;
  object.stateVersion += 1;
  return { ok: true, detail: { version: object.stateVersion } };
}
