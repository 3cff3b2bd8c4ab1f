/** Options of a service that an operator sets in place of those that its deployment brought. */
import type { Outcome } from "../effect.ts";
import type { Fold } from "../partition/fold.ts";
import type { ConfigureServiceRecord } from "../record.ts";

/**
 * They belong to the revision: a newer one begins with what its manifest says, and so does this one when its deployment is
 * replaced. Attempts under way go on with what held when they began.
 */
export function configureService(fold: Fold, record: ConfigureServiceRecord): Outcome {
  const { tables } = fold;
  const { service: name, options } = record;
  const service = tables.service(name);
  if (service === undefined)
    return { ok: false, code: "service-not-found", message: `Service "${name}" is not registered` };
  if (options.workflowRetentionMs !== undefined && service.manifest.kind !== "workflow") {
    return {
      ok: false,
      code: "request-invalid",
      message: `"${name}" is no workflow: it has no retention of a workflow's completion`,
    };
  }
  const row = tables.deployments.edit(service.deployment);
  const before = Object.hasOwn(row.overrides, name) ? row.overrides[name] : {};
  const others = Object.entries(row.overrides).filter(([other]) => other !== name);
  row.overrides = Object.fromEntries([...others, [name, { ...before, ...options }]]);
  tables.refreshServices();
  return { ok: true };
}
