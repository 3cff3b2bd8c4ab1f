/** Shows that the load generator is not what is measured: what it does against a server that does nothing. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { Child } from "../process/child.ts";
import type { GeneratorCeiling } from "../report/results.ts";
import type { LoadGenerator } from "./load-generator.ts";

const PROGRAM = fileURLToPath(new URL("empty-server.ts", import.meta.url));
const CONNECTIONS = 50;
const WARMUP_MS = 300;
const DURATION_MS = 1_000;
const MS_PER_SECOND = 1_000;
const MICROS_PER_MS = 1_000;

export async function measureCeiling(load: LoadGenerator, directory: string): Promise<GeneratorCeiling> {
  const server = new Child({
    command: process.execPath,
    args: [PROGRAM],
    logFile: join(directory, "empty-server.log"),
    hasChannel: true,
  });
  try {
    const port = await server.message<number>();
    const { operations, elapsedMs, generatorCpuMicros } = await load.run({
      target: { host: "127.0.0.1", port },
      request: { method: "POST", path: "/bench/empty" },
      expect: '"ok"',
      connections: CONNECTIONS,
      keyPrefix: "",
      pace: { kind: "closed", warmupMs: WARMUP_MS, durationMs: DURATION_MS, operationsMin: CONNECTIONS },
    });
    return {
      connections: CONNECTIONS,
      perSecond: (operations / elapsedMs) * MS_PER_SECOND,
      cpuShare: generatorCpuMicros / MICROS_PER_MS / elapsedMs,
      cpuMicrosPerOp: generatorCpuMicros / operations,
    };
  } finally {
    await server.stop();
  }
}
