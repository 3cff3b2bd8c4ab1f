/** Scenario 14: the engine inside a program, 200 workflows of 10 steps at a time, on disk. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";

import type { EmbeddedReport } from "../contenders/contender.ts";
import { Child } from "../process/child.ts";
import type { Cell, Stage } from "./cell.ts";
import type { Measurement } from "./measurement.ts";

const CONCURRENCY = 200;
const MS_PER_SECOND = 1_000;

export const embeddedCells: readonly Cell[] = [
  {
    scenario: "embedded",
    title: "200 workflows of 10 steps at a time, engine and handlers in one process",
    connections: CONCURRENCY,
    unit: "steps/s",
    better: "higher",
    measure: measureEmbedded,
  },
];

async function measureEmbedded(stage: Stage): Promise<Measurement> {
  const { contender, directory, warmupMs, durationMs } = stage;
  if (contender.embedded === undefined) throw new Error(`${contender.name} has no embedded mode`);
  const place = join(directory, `${stage.tag}embedded`);
  mkdirSync(place);
  const program = await contender.embedded(place);
  try {
    const child = new Child({
      command: program.command,
      args: [...program.args, String(warmupMs), String(durationMs)],
      logFile: join(place, "program.log"),
      hasChannel: true,
    });
    try {
      const { steps, elapsedMs, cpuMicros } = await child.message<EmbeddedReport>();
      return {
        value: (steps / elapsedMs) * MS_PER_SECOND,
        operations: steps,
        cpuMicrosPerOp: { server: cpuMicros / steps, handlers: 0 },
      };
    } finally {
      await child.stop();
    }
  } finally {
    await program.stop();
  }
}
