/** Scenario 12: latency when requests come at half of what the contender can do, whether it is ready for them or not. */
import type { RequestShape } from "../http/request-template.ts";
import type { Cell, Stage } from "./cell.ts";
import { measureLoad } from "./measure-load.ts";
import type { Measurement } from "./measurement.ts";

const CONNECTIONS = 256;
const PEAK_CONNECTIONS = [50, 200];
const SHARE_OF_PEAK = 0.5;
const DURATION_MS = 60_000;
const QUICK_DURATION_MS = 4_000;
const WARMUP_MS = 1_000;

interface OpenLoopScenario {
  readonly name: string;
  readonly title: string;
  /** The scenario whose peak is halved. */
  readonly peakOf: string;
  readonly request: RequestShape;
  readonly expect: string;
}

const SCENARIOS: readonly OpenLoopScenario[] = [
  {
    name: "open-empty",
    title: "empty handler at half of the peak rate, p99",
    peakOf: "empty",
    request: { method: "POST", path: "/bench/empty" },
    expect: '"ok"',
  },
  {
    name: "open-steps-10",
    title: "workflow of 10 durable steps at half of the peak rate, p99",
    peakOf: "steps-10",
    request: { method: "POST", path: "/flow/{key}/run", body: "10" },
    expect: "55",
  },
];

export const openLoopCells: readonly Cell[] = SCENARIOS.map((scenario) => ({
  scenario: scenario.name,
  title: scenario.title,
  connections: CONNECTIONS,
  unit: "ms",
  better: "lower",
  roundsMax: 1,
  plotsLatency: true,
  measure: (stage) => measureOpenLoop(stage, scenario),
}));

async function measureOpenLoop(stage: Stage, scenario: OpenLoopScenario): Promise<Measurement> {
  const perSecond = Math.max(1, (await peakOf(stage, scenario)) * SHARE_OF_PEAK);
  const { result, measurement } = await measureLoad(stage, {
    request: scenario.request,
    expect: scenario.expect,
    connections: CONNECTIONS,
    pace: {
      kind: "open",
      perSecond,
      warmupMs: WARMUP_MS,
      durationMs: stage.quick ? QUICK_DURATION_MS : DURATION_MS,
    },
  });
  const { p50 = 0, p99 = 0, p999 = 0, max = 0 } = measurement.latency ?? {};
  return {
    ...measurement,
    value: p99,
    extra: { perSecond, p99OverP50: p99 / p50, p999, max, longestPauseMs: result.longestPauseMs },
  };
}

/** As measured before, or measured now when only this scenario was asked for. */
async function peakOf(stage: Stage, scenario: OpenLoopScenario): Promise<number> {
  const known = PEAK_CONNECTIONS.map(
    (connections) => stage.figuresOf(scenario.peakOf, connections)?.median ?? 0,
  );
  const peak = Math.max(...known);
  if (peak > 0) return peak;
  const { measurement } = await measureLoad(
    { ...stage, tag: `${stage.tag}peak-` },
    { request: scenario.request, expect: scenario.expect, connections: Math.max(...PEAK_CONNECTIONS) },
  );
  return measurement.value;
}
