import type { DeploymentInfo, ServiceChange } from "@holdfast/protocol";

import type { Output } from "./output/output.ts";
import type { Cell } from "./output/table.ts";
import { fullTime } from "./output/time.ts";

export function statusCell({ status, reachability }: DeploymentInfo): Cell {
  if (reachability.status === "unreachable") return { text: `${status}, unreachable`, style: "red" };
  if (status === "active") return { text: status, style: "green" };
  return { text: status, style: status === "draining" ? "yellow" : "dim" };
}

export function showDeployment(deployment: DeploymentInfo, out: Output): void {
  const { id, url, wire, sdk, runtime, createdAt, activeInvocations, reachability } = deployment;
  out.fields([
    ["Id", id],
    ["URL", url ?? "(in the server)"],
    ["Status", statusCell(deployment)],
    ["Active invocations", String(activeInvocations)],
    ["Last error", reachability.lastError],
    ["Created", fullTime(createdAt, out.now)],
    ["Wire", wire],
    ["SDK", `${sdk} on ${runtime}`],
    ["Sent headers", deployment.additionalHeaders?.join(", ")],
    ...Object.entries(deployment.metadata ?? {}).map(([name, value]) => [`Metadata ${name}`, value] as const),
  ]);
  out.heading("Services");
  out.table(
    [{ title: "NAME" }, { title: "REVISION", align: "right" }, { title: "HANDLERS", shrinks: true }],
    deployment.services.map(({ name, revision, handlers }) => [name, String(revision), handlers.join(", ")]),
  );
}

/** A line for each service: what a registration did to it. */
export function changeRows(changes: readonly ServiceChange[]): ReadonlyArray<readonly Cell[]> {
  return changes.map(({ service, change, revision, handlersAdded, handlersRemoved, warnings }) => {
    const details = [
      ...(handlersAdded.length > 0 && change !== "added" ? [`new: ${handlersAdded.join(", ")}`] : []),
      ...(handlersRemoved.length > 0 ? [`gone: ${handlersRemoved.join(", ")}`] : []),
      ...warnings,
    ];
    const number = change === "unchanged" ? "" : `revision ${revision}`;
    return [changeCell(change), service, number, details.join("; ")];
  });
}

function changeCell(change: ServiceChange["change"]): Cell {
  const style = { added: "green", updated: "yellow", unchanged: "dim", removed: "red" } as const;
  return { text: change, style: style[change] };
}
