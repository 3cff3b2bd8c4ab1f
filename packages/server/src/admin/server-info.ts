/** `/health`, `/version`, `/limits`, `/config`. */
import { type HealthInfo, type InvocationStatus } from "@holdfast/protocol";

import type { EngineAccess } from "../partition/engine-access.ts";
import { allDeployments } from "./deployments.ts";
import { queryBoolean, readQuery, type AdminAnswer, type AdminExchange } from "./exchange.ts";
import { restateVersion } from "./restate/server-info.ts";
import { iso } from "./shown-time.ts";

export async function getHealth(exchange: AdminExchange): Promise<AdminAnswer> {
  const { engine, settings } = exchange;
  const { counts } = readQuery(exchange, "counts");
  const health = engine.health();
  const body: HealthInfo = {
    status: health.status,
    startedAt: iso(settings.startedAt),
    partitions: [
      {
        id: 0,
        status: health.status === "failed" ? "failed" : "active",
        appliedPosition: health.appliedPosition,
        durablePosition: health.durablePosition,
        checkpointPosition: health.checkpointPosition,
      },
    ],
    runningAttempts: health.runningAttempts,
    ...(queryBoolean(counts, "counts") ? { invocations: await countInvocations(engine) } : {}),
    deployments: {
      total: allDeployments(engine.tables).length,
      unreachable: health.deploymentsUnreachable.length,
    },
    memory: { residentBytes: process.memoryUsage.rss() },
    problems: problemsOf(engine),
  };
  return { status: health.status === "failed" ? 503 : 200, body };
}

export function getVersion(exchange: AdminExchange): AdminAnswer {
  readQuery(exchange);
  return { body: { ...restateVersion(exchange.settings), ...exchange.settings.version } };
}

export function getLimits(exchange: AdminExchange): AdminAnswer {
  readQuery(exchange);
  return { body: { items: exchange.settings.limits } };
}

export function getConfig(exchange: AdminExchange): AdminAnswer {
  readQuery(exchange);
  return { body: { items: exchange.settings.config } };
}

function problemsOf(engine: EngineAccess): HealthInfo["problems"] {
  const { status, reason, deploymentsUnreachable } = engine.health();
  const own = status === "ok" || reason === undefined ? [] : [{ code: status, message: reason }];
  return [
    ...own,
    ...deploymentsUnreachable.map((id) => ({
      code: "deployment-unavailable",
      message: `Deployment "${id}" cannot be reached`,
    })),
  ];
}

/** Exact as of now: the store counts what a checkpoint has just written to it. */
async function countInvocations(engine: EngineAccess): Promise<Partial<Record<InvocationStatus, number>>> {
  await engine.checkpoint();
  const counts: Partial<Record<string, number>> = {};
  for (const { status, count } of engine.store.countInvocations())
    counts[status] = (counts[status] ?? 0) + count;
  return counts;
}
