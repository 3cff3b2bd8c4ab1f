/** `/health`, `/version`, `/cluster-health` in Restate's form. */
import { HoldfastError } from "@holdfast/protocol";

import type { AdminSettings } from "../admin-settings.ts";
import { API_VERSIONS, type RestateAnswer, type RestateExchange } from "./exchange.ts";

/** One process is the whole cluster. */
const CLUSTER_NAME = "holdfast";
const NODE = 1;

export function getHealth({ engine }: RestateExchange): RestateAnswer {
  const { status, reason = "no reason given" } = engine.health();
  if (status === "failed")
    throw new HoldfastError("shutting-down", {}, { message: `The server has failed: ${reason}` });
  return {};
}

/** The fields that clients of Restate look for. Which version of its admin API they use follows from two of them. */
export function restateVersion({ version }: AdminSettings): Readonly<Record<string, unknown>> {
  return {
    version: version.version,
    min_admin_api_version: Math.min(...API_VERSIONS),
    max_admin_api_version: Math.max(...API_VERSIONS),
    ingress_endpoint: `${version.ingressUrl}/`,
    features: {},
  };
}

export function getVersion({ settings }: RestateExchange): RestateAnswer {
  return { body: restateVersion(settings) };
}

export function getClusterHealth(): RestateAnswer {
  return { body: { cluster_name: CLUSTER_NAME, metadata_cluster_health: { members: [NODE] } } };
}
