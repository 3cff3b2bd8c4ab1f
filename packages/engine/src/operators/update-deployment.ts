/** Changing a deployment in place: for invocations that are bound to it and cannot go on where it is now. */
import type { Outcome } from "../effect.ts";
import type { Fold } from "../partition/fold.ts";
import type { UpdateDeploymentRecord } from "../record.ts";
import { asStored, deploymentAt, nextRevisions } from "./deployments.ts";

/**
 * Its services keep their revisions, so nothing that serves more recently is displaced; one that it did not serve before
 * gets a new one. Attempts under way end with their connection.
 */
export function updateDeployment(fold: Fold, record: UpdateDeploymentRecord): Outcome {
  const { tables } = fold;
  const { id, url, headers } = record;
  const row = tables.deployments.get(id);
  if (row === undefined)
    return { ok: false, code: "deployment-not-found", message: `There is no deployment ${id}` };
  const other = deploymentAt(tables, url);
  if (other !== undefined && other.id !== id) {
    return {
      ok: false,
      code: "deployment-changed",
      message: `${url} is registered as ${other.id}, and an address stands for one deployment`,
    };
  }
  const manifest = asStored(record.manifest);
  const servesTheSame = JSON.stringify(manifest.services) === JSON.stringify(row.manifest.services);
  const revisions = { ...nextRevisions(tables, manifest) };
  for (const { name } of manifest.services) {
    const known = Object.hasOwn(row.revisions, name) ? row.revisions[name] : undefined;
    if (known !== undefined) revisions[name] = known;
  }
  tables.deployments.delete(id);
  tables.deployments.insert(id, {
    ...row,
    url,
    headers,
    manifest,
    revisions,
    overrides: servesTheSame ? row.overrides : {},
  });
  tables.refreshServices();
  fold.effects.push({ kind: "deployments-changed" });
  return { ok: true, detail: { id } };
}
