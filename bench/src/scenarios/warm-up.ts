import type { RunningContender } from "../contenders/contender.ts";
import type { LoadGenerator } from "../load/load-generator.ts";

const CONNECTIONS = 50;

/** Workflows of ten steps: they pass through nearly everything that is measured later. */
export async function warmUp(
  running: RunningContender,
  load: LoadGenerator,
  durationMs: number,
): Promise<void> {
  await load.run({
    target: running.ingress,
    request: { method: "POST", path: "/flow/{key}/run", body: "10" },
    expect: "55",
    connections: CONNECTIONS,
    keyPrefix: `warm-up-${performance.timeOrigin.toString(36)}-`,
    pace: { kind: "closed", warmupMs: 0, durationMs, operationsMin: 1 },
  });
}
