/** Deployments and the services that can be called. They are few, and in memory as a whole. */
import type { DeploymentRow, ServiceRow } from "@holdfast/engine";
import type { ServiceKind } from "@holdfast/protocol";

import { instantCell } from "../cell.ts";
import { defineView } from "../view.ts";

const TYPES: Readonly<Record<ServiceKind, string>> = {
  service: "service",
  object: "virtual_object",
  workflow: "workflow",
};

export const deploymentView = defineView<DeploymentRow>({
  name: "sys_deployment",
  meaning: "Registered deployments.",
  columns: [
    { name: "id", type: "text", meaning: "id of the deployment", sql: "d.key" },
    { name: "ty", type: "text", meaning: "http, or in_process", read: ({ url }) => typeOf(url) },
    { name: "endpoint", type: "text", meaning: "address that it serves at", read: ({ url }) => url },
    {
      name: "created_at",
      type: "instant",
      meaning: "when it was registered",
      read: ({ createdAt }) => instantCell(createdAt),
    },
    {
      name: "min_service_protocol_version",
      type: "integer",
      meaning: "oldest version of Restate's protocol that it speaks; NULL where it is another protocol",
      read: ({ manifest }) => manifest.restate?.minProtocolVersion,
    },
    {
      name: "max_service_protocol_version",
      type: "integer",
      meaning: "newest version of Restate's protocol that it speaks; NULL where it is another protocol",
      read: ({ manifest }) => manifest.restate?.maxProtocolVersion,
    },
    {
      name: "services",
      type: "texts",
      meaning: "names of its services",
      read: ({ manifest }) => JSON.stringify(manifest.services.map(({ name }) => name)),
    },
  ],
  branches: { whole: { from: "main.deployments AS d" } },
  row: ["d.key"],
  find: ({ tables }, id) => found(tables.deployments.get(String(id)), `deployment ${id}`),
});

export const serviceView = defineView<ServiceRow>({
  name: "sys_service",
  meaning: "Services that can be called, each at its newest revision.",
  columns: [
    { name: "name", type: "text", meaning: "name of the service", sql: "s.value" },
    {
      name: "revision",
      type: "integer",
      meaning: "number of its newest revision",
      read: (row) => row.revision,
    },
    {
      name: "public",
      type: "boolean",
      meaning: "whether the ingress may call it",
      read: ({ manifest }) => manifest.ingressPrivate !== true,
    },
    {
      name: "ty",
      type: "text",
      meaning: "service, virtual_object or workflow",
      read: ({ manifest }) => TYPES[manifest.kind],
    },
    {
      name: "deployment_id",
      type: "text",
      meaning: "deployment that new invocations go to",
      read: ({ deployment }) => deployment,
    },
  ],
  branches: { whole: { from: "json_each(holdfast_names('services')) AS s" } },
  row: ["s.value"],
  find: ({ tables }, name) => found(tables.service(String(name)), `service ${name}`),
});

function typeOf(url: string): string {
  return url.startsWith("in-process:") ? "in_process" : "http";
}

function found<Row>(row: Row | undefined, what: string): Row {
  if (row === undefined) throw new Error(`The store has no ${what}`);
  return row;
}
