/** One run of the benchmark, from the first process to the last. */
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { contendersNamed } from "./contenders/all-contenders.ts";
import type { Contender, ContenderName } from "./contenders/contender.ts";
import { Stable } from "./contenders/stable.ts";
import { measureCeiling } from "./load/ceiling.ts";
import { LoadGenerator } from "./load/load-generator.ts";
import { FloorMeter } from "./machine/floor.ts";
import { describeMachine } from "./machine/machine.ts";
import type { Options } from "./options.ts";
import type { ContenderRecord, Results, ScenarioRecord } from "./report/results.ts";
import { CellRunner } from "./run-cells.ts";
import { allCells } from "./scenarios/all-cells.ts";
import type { Cell } from "./scenarios/cell.ts";

const DURATION_MS = 4_000;
const QUICK_DURATION_MS = 500;
/** A process that was just killed may still be writing. */
const REMOVAL = { recursive: true, force: true, maxRetries: 20, retryDelay: 50 };
const WARMUP_SHARE = 0.25;
/** Others may pass through: a PostgreSQL that is started by root belongs to somebody else. */
const DIRECTORY_MODE = 0o711;

export interface Listener {
  onProgress(text: string): void;
  onScenario(record: ScenarioRecord): void;
}

export async function runBenchmark(options: Options, listener: Listener): Promise<Results> {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-bench-"));
  chmodSync(directory, DIRECTORY_MODE);
  // Also when somebody interrupts it. What runs there was killed by then, in process/child.ts.
  process.once("exit", () => rmSync(directory, REMOVAL));
  const durationMs = options.durationMs ?? (options.quick ? QUICK_DURATION_MS : DURATION_MS);
  await using stack = new AsyncDisposableStack();
  const machine = describeMachine(directory);
  const load = stack.adopt(new LoadGenerator(directory), (generator) => generator.stop());
  const floor = stack.adopt(new FloorMeter(directory), (meter) => meter.close());
  const stable = stack.adopt(new Stable(directory), (all) => all.stop());

  const contenders = contendersNamed(options.contenders, options.postgres);
  const absent = await findAbsent(contenders);
  floor.sample();
  const generator = await measureCeiling(load, directory);
  const runner = new CellRunner({
    contenders,
    absent,
    stable,
    load,
    floor,
    directory,
    durationMs,
    rounds: options.rounds,
    quick: options.quick,
    sleepers: options.sleepers,
    warmupMs: durationMs * WARMUP_SHARE,
    onProgress: (text) => listener.onProgress(text),
  });
  const scenarios: ScenarioRecord[] = [];
  for (const cell of chosenCells(options.only)) {
    const record = await runner.run(cell);
    scenarios.push(record);
    listener.onScenario(record);
  }
  return {
    machine,
    node: process.version,
    date: new Date().toISOString(),
    quick: options.quick,
    rounds: options.rounds,
    durationMs,
    floor: floor.result(),
    generator,
    contenders: Object.fromEntries(contenders.map((each) => [each.name, recordOf(each, absent)])),
    scenarios,
  };
}

export function scenarioNames(): readonly string[] {
  return [...new Set(allCells.map(({ scenario }) => scenario))];
}

function chosenCells(only: readonly string[]): readonly Cell[] {
  return only.length === 0 ? allCells : allCells.filter(({ scenario }) => only.includes(scenario));
}

async function findAbsent(contenders: readonly Contender[]): Promise<ReadonlyMap<ContenderName, string>> {
  const absent = new Map<ContenderName, string>();
  for (const contender of contenders) {
    const reason = await contender.absence();
    if (reason !== undefined) absent.set(contender.name, reason);
  }
  return absent;
}

function recordOf(contender: Contender, absent: ReadonlyMap<ContenderName, string>): ContenderRecord {
  const reason = absent.get(contender.name);
  return {
    version: contender.version(),
    present: reason === undefined,
    settings: Object.fromEntries(contender.settings),
    ...(reason === undefined ? {} : { reason }),
  };
}
