/** Every target. fuzz/README.md says which decoder is where. */
import type { Target } from "./engine/target.ts";
import { commandLine } from "./targets/command-line.ts";
import { configuration } from "./targets/configuration.ts";
import { handlerMessages } from "./targets/handler-messages.ts";
import { httpApi } from "./targets/http-api.ts";
import { httpRequest } from "./targets/http-request.ts";
import { identifiers } from "./targets/identifiers.ts";
import { logRecords } from "./targets/log-records.ts";
import { logRecovery } from "./targets/log-recovery.ts";
import { manifest } from "./targets/manifest.ts";
import { restateEndpoint } from "./targets/restate-endpoint.ts";
import { storeRows } from "./targets/store-rows.ts";
import { values } from "./targets/values.ts";
import { wireConnections } from "./targets/wire-connections.ts";
import { wireMessages } from "./targets/wire-messages.ts";

export const targets: readonly Target[] = [
  logRecovery,
  logRecords,
  storeRows,
  wireMessages,
  wireConnections,
  handlerMessages,
  values,
  manifest,
  restateEndpoint,
  httpRequest,
  httpApi,
  identifiers,
  configuration,
  commandLine,
];

export function findTarget(name: string): Target {
  const target = targets.find((candidate) => candidate.name === name);
  if (target === undefined) throw new Error(`There is no target "${name}"`);
  return target;
}
