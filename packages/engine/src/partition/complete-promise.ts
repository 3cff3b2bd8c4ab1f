/** A durable promise settled from outside: by a caller or an operator over HTTP. */
import type { Outcome } from "../effect.ts";
import type { CompletePromiseRecord } from "../record.ts";
import { objectKey } from "../tables/tables.ts";
import type { Fold } from "./fold.ts";
import { settlePromise } from "./promises.ts";

export function completePromiseFromOutside(fold: Fold, record: CompletePromiseRecord): Outcome {
  const { service, key, name } = record;
  if (fold.tables.objects.get(objectKey(service, key))?.runId === undefined) {
    return {
      ok: false,
      code: "promise-not-found",
      message: `There is no workflow ${service}/${key}, so it has no promise "${name}"`,
    };
  }
  const settled = settlePromise(fold, { service, key, name }, record.result);
  switch (settled.kind) {
    case "settled":
      return { ok: true, detail: { existed: false, result: record.result } };
    case "already":
      return { ok: true, detail: { existed: true, result: settled.result } };
    case "closed":
      return {
        ok: false,
        code: "workflow-completed",
        message: `The workflow ${service}/${key} has completed`,
      };
  }
}
