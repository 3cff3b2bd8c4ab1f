/** Keeps workflows going in the process of the engine, and says how many steps that were. The same for all contenders. */

const POLL_MS = 5;

export interface EmbeddedLoad {
  readonly concurrency: number;
  readonly stepsPerWorkflow: number;
  readonly warmupMs: number;
  readonly durationMs: number;
}

/** `run` runs one workflow with this key and returns the sum of what its steps returned. */
export async function keepGoing(
  load: EmbeddedLoad,
  run: (key: string, steps: number) => Promise<number>,
): Promise<void> {
  const { concurrency, stepsPerWorkflow: steps, warmupMs, durationMs } = load;
  const expected = (steps * (steps + 1)) / 2;
  let completed = 0;
  let started = 0;
  let isOver = false;

  const work = async (): Promise<void> => {
    while (!isOver) {
      started += 1;
      const sum = await run(`${process.pid}-${started}`, steps);
      if (sum !== expected) throw new Error(`a workflow returned ${sum} and not ${expected}`);
      completed += 1;
    }
  };
  const workers = Promise.all(Array.from({ length: concurrency }, work));

  await sleep(warmupMs);
  const before = completed;
  const startedAt = performance.now();
  const cpu = process.cpuUsage();
  await sleep(durationMs);
  // Slow ones begin all at once and end all at once: without a whole wave there is nothing to count.
  while (completed - before < concurrency) await sleep(POLL_MS);
  const { user, system } = process.cpuUsage(cpu);
  const report = {
    steps: (completed - before) * steps,
    elapsedMs: performance.now() - startedAt,
    cpuMicros: user + system,
  };
  isOver = true;
  await workers;
  process.send?.(report);
}

/** The load of the benchmark, whose duration is in the last two arguments of the program. */
export function loadOfArguments(): EmbeddedLoad {
  const [warmupMs, durationMs] = process.argv.slice(-2).map(Number);
  return { concurrency: 200, stepsPerWorkflow: 10, warmupMs: warmupMs ?? 0, durationMs: durationMs ?? 0 };
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
