/** The scenarios that are nothing but requests: scenarios 1 to 4, 6 to 9 and 15. */
import type { ContenderName } from "../contenders/contender.ts";
import type { RequestShape } from "../http/request-template.ts";
import type { Cell } from "./cell.ts";
import { measureLoad } from "./measure-load.ts";

interface LoadScenario {
  readonly name: string;
  readonly title: string;
  readonly connections: readonly number[];
  readonly unit?: string;
  readonly request: RequestShape;
  readonly expect?: string;
  readonly keysMax?: number;
  readonly steps?: number;
  /** Peers that need half a minute for one round. */
  readonly isSlow?: boolean;
}

const PAYLOAD_BYTES = 64 * 1024;
const payload = JSON.stringify("x".repeat(PAYLOAD_BYTES - 2));

const SCENARIOS: readonly LoadScenario[] = [
  {
    name: "empty",
    title: "empty handler",
    connections: [1, 50, 200],
    request: { method: "POST", path: "/bench/empty" },
    expect: '"ok"',
  },
  {
    name: "steps-10",
    title: "workflow of 10 durable steps",
    connections: [1, 50, 200],
    unit: "workflows/s",
    request: { method: "POST", path: "/flow/{key}/run", body: "10" },
    expect: "55",
    steps: 10,
  },
  {
    name: "steps-30",
    title: "workflow of 30 durable steps, for what one more step costs",
    connections: [200],
    unit: "workflows/s",
    request: { method: "POST", path: "/flow/{key}/run", body: "30" },
    expect: "465",
    steps: 30,
    isSlow: true,
  },
  {
    name: "call",
    title: "call from one service to another",
    connections: [50],
    request: { method: "POST", path: "/bench/relay" },
    expect: '"ok"',
  },
  {
    name: "object-hot",
    title: "increments of one object",
    connections: [50],
    request: { method: "POST", path: "/counter/hot/add" },
  },
  {
    name: "object-many",
    title: "increments of 10,000 objects",
    connections: [50],
    request: { method: "POST", path: "/counter/{key}/add" },
    keysMax: 10_000,
  },
  {
    name: "fan-out",
    title: "100 calls joined by Promise.all",
    connections: [1, 10],
    unit: "fan-outs/s",
    request: { method: "POST", path: "/bench/fan" },
    expect: "100",
  },
  {
    name: "sleep",
    title: "sleep of 1 ms",
    connections: [50],
    request: { method: "POST", path: "/bench/nap" },
    expect: '"ok"',
  },
  {
    name: "awakeable",
    title: "awakeable resolved over HTTP",
    connections: [50],
    request: { method: "POST", path: "/bench/wait" },
    expect: '"ok"',
  },
  {
    name: "payload",
    title: "64 KiB echoed",
    connections: [50],
    request: { method: "POST", path: "/bench/echo", body: payload },
    expect: payload,
  },
];

export function notInQuickRun(name: ContenderName, quick: boolean): string | undefined {
  return quick && name !== "holdfast" ? "left out of the quick run" : undefined;
}

export const loadCells: readonly Cell[] = SCENARIOS.flatMap((scenario) =>
  scenario.connections.map((connections) => ({
    scenario: scenario.name,
    title: scenario.title,
    connections,
    unit: scenario.unit ?? "calls/s",
    better: "higher" as const,
    ...(scenario.isSlow === true ? { lacks: notInQuickRun } : {}),
    measure: async (stage) => {
      const { measurement } = await measureLoad(stage, {
        request: scenario.request,
        connections,
        ...(scenario.expect === undefined ? {} : { expect: scenario.expect }),
        ...(scenario.keysMax === undefined ? {} : { keysMax: scenario.keysMax }),
        ...(scenario.steps === undefined ? {} : { stepsPerOperation: scenario.steps }),
      });
      return measurement;
    },
  })),
);
