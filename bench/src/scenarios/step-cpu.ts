/** Scenario 15: what one durable step costs in processor time, all told and at the margin. */
import type { Cell, Stage } from "./cell.ts";
import { notInQuickRun } from "./load-cells.ts";
import { measureLoad } from "./measure-load.ts";
import type { Measurement } from "./measurement.ts";

const CONNECTIONS = 200;
const FEW = { scenario: "steps-10", steps: 10, expect: "55" };
const MANY = { scenario: "steps-30", steps: 30, expect: "465" };

export const stepCpuCells: readonly Cell[] = [
  {
    scenario: "step-cpu",
    title: "processor time of server and handlers for one durable step, call included",
    connections: CONNECTIONS,
    unit: "µs",
    better: "lower",
    roundsMax: 1,
    lacks: notInQuickRun,
    measure: measureStepCpu,
  },
];

async function measureStepCpu(stage: Stage): Promise<Measurement> {
  const few = await cpuOf(stage, FEW);
  const many = await cpuOf(stage, MANY);
  const marginal = (role: "server" | "handlers"): number =>
    (many[role] - few[role]) / (MANY.steps - FEW.steps);
  return {
    value: (few.server + few.handlers) / FEW.steps,
    extra: {
      serverMicros: few.server / FEW.steps,
      handlersMicros: few.handlers / FEW.steps,
      marginalServerMicros: marginal("server"),
      marginalHandlersMicros: marginal("handlers"),
      marginalMicros: marginal("server") + marginal("handlers"),
    },
  };
}

/** As measured before, or measured now when only this scenario was asked for. */
async function cpuOf(
  stage: Stage,
  { scenario, steps, expect }: typeof FEW,
): Promise<{ readonly server: number; readonly handlers: number }> {
  const known = stage.figuresOf(scenario, CONNECTIONS)?.cpuMicrosPerOp;
  if (known !== undefined) return known;
  const { measurement } = await measureLoad(
    { ...stage, tag: `${stage.tag}${steps}-` },
    {
      request: { method: "POST", path: "/flow/{key}/run", body: String(steps) },
      expect,
      connections: CONNECTIONS,
    },
  );
  if (measurement.cpuMicrosPerOp === undefined) throw new Error("processor times are not known here");
  return measurement.cpuMicrosPerOp;
}
