/** Scenario 5, one-way sends: how fast they are accepted, and how fast all of them have run. */
import { until } from "../process/until.ts";
import type { Cell, Stage } from "./cell.ts";
import { measureLoad } from "./measure-load.ts";
import type { Measurement } from "./measurement.ts";

const CONNECTIONS = 50;
const DRAIN_MS_MAX = 120_000;
const MS_PER_SECOND = 1_000;

export const sendCells: readonly Cell[] = [
  {
    scenario: "send",
    title: "one-way sends, until every handler has run",
    connections: CONNECTIONS,
    unit: "executions/s",
    better: "higher",
    measure: measureSends,
  },
];

async function measureSends(stage: Stage): Promise<Measurement> {
  const running = await stage.running();
  const executed = async (): Promise<number> => (await running.control()).counts["note"] ?? 0;
  const before = await executed();
  const startedAt = performance.now();
  const { result, measurement } = await measureLoad(stage, {
    request: { method: "POST", path: "/bench/note/send" },
    connections: CONNECTIONS,
  });
  // Everything since the first send counts, warm-up as well: a backlog cannot be told apart by age.
  const wanted = before + result.operationsInAll;
  const done = await until("the execution of all sends", DRAIN_MS_MAX, async () => {
    const now = await executed();
    return now >= wanted ? now : undefined;
  });
  const seconds = (performance.now() - startedAt) / MS_PER_SECOND;
  return {
    ...measurement,
    value: result.operationsInAll / seconds,
    extra: { acceptedPerSecond: measurement.value, executedMoreThanOnce: done - wanted },
  };
}
