/** Results as a run would write them, for tests. */
import type { Figures, Results, ScenarioRecord } from "./results.ts";

export function figures(median: number, more: Partial<Figures> = {}): Figures {
  return { min: median / 2, median, max: median * 2, rounds: 3, measurements: [], ...more };
}

export function scenario(more: Partial<ScenarioRecord> = {}): ScenarioRecord {
  return {
    name: "empty",
    title: "empty handler",
    connections: 50,
    unit: "calls/s",
    better: "higher",
    seconds: 1,
    holdfast: figures(1_200, {
      latency: { p50: 1, p99: 2, p999: 3, max: 4 },
      cpuMicrosPerOp: { server: 20, handlers: 10 },
    }),
    peers: { restate: figures(100), dbos: { absent: "no PostgreSQL" } },
    ratio: { restate: { min: 10, median: 12, max: 13 } },
    goals: [{ text: "at least 12 times restate", met: true, value: 12 }],
    ...more,
  };
}

export function results(scenarios: readonly ScenarioRecord[]): Results {
  return {
    machine: {
      cpu: "A <fast> CPU",
      cores: 2,
      memoryBytes: 2 ** 34,
      kernel: "Linux 6",
      fileSystem: "ext4",
      node: "v24.0.0",
      loadBefore: 0.1,
    },
    node: "v24.0.0",
    date: "2026-03-01T10:00:00.000Z",
    quick: false,
    rounds: 3,
    durationMs: 4_000,
    floor: { p50: 0.2, p99: 1, samples: 400 },
    generator: { connections: 50, perSecond: 50_000, cpuShare: 0.98, cpuMicrosPerOp: 19 },
    contenders: {
      holdfast: { version: "0.1.0", present: true, settings: {} },
      dbos: { version: "5", present: false, reason: "no PostgreSQL", settings: {} },
    },
    scenarios,
  };
}
