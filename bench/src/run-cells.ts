/** Measures cell by cell; within a cell the rounds, and within a round the contenders, in turns. */
import { performance } from "node:perf_hooks";
import { setTimeout as wait } from "node:timers/promises";

import type { Contender, ContenderName, RunningContender } from "./contenders/contender.ts";
import type { Stable } from "./contenders/stable.ts";
import type { LoadGenerator } from "./load/load-generator.ts";
import type { FloorMeter } from "./machine/floor.ts";
import { combine, type RoundMeasurement } from "./report/figures.ts";
import { goalsOf } from "./report/goals.ts";
import { pairedRatio, type Spread } from "./report/ratio.ts";
import { figuresOf, type Figures, type Outcome, type ScenarioRecord } from "./report/results.ts";
import type { Cell, Stage } from "./scenarios/cell.ts";
import { warmUp } from "./scenarios/warm-up.ts";

export interface RunOptions {
  readonly contenders: readonly Contender[];
  /** Why a contender cannot be measured, by name. */
  readonly absent: ReadonlyMap<ContenderName, string>;
  readonly stable: Stable;
  readonly load: LoadGenerator;
  readonly floor: FloorMeter;
  readonly directory: string;
  readonly rounds: number;
  readonly quick: boolean;
  readonly sleepers: number | undefined;
  readonly warmupMs: number;
  readonly durationMs: number;
  readonly onProgress: (text: string) => void;
}

/** After a contender's turn, for what it does in the background. */
const SETTLE_MS = 50;
const MS_PER_SECOND = 1_000;
const WARM_UP_MS = 10_000;
const QUICK_WARM_UP_MS = 1_500;
const QUICK_SPENT_MS_MAX = 4_000;
/** On a busy machine a quick run has fewer rounds; it does not take longer. */
const QUICK_CELL_MS_MAX = 6_000;

export class CellRunner {
  readonly #options: RunOptions;
  readonly #records: ScenarioRecord[] = [];
  readonly #warm = new Set<ContenderName>();
  #measured = 0;
  #preparingMs = 0;

  constructor(options: RunOptions) {
    this.#options = options;
  }

  async run(cell: Cell): Promise<ScenarioRecord> {
    const { contenders } = this.#options;
    const outcomes = new Map<ContenderName, RoundMeasurement[] | Exclude<Outcome, { rounds: number }>>();
    for (const { name, lacks } of contenders) {
      const reason =
        this.#options.absent.get(name) ?? cell.lacks?.(name, this.#options.quick) ?? lacks.get(cell.scenario);
      outcomes.set(name, reason === undefined ? [] : { absent: reason });
    }
    const cellStartedAt = this.#now();
    const rounds = Math.min(
      this.#options.rounds,
      (this.#options.quick ? cell.quickRoundsMax : undefined) ?? cell.roundsMax ?? Infinity,
    );
    const spentMs = new Map<ContenderName, number>();
    for (let round = 0; round < rounds; round++) {
      if (this.#options.quick && this.#now() - cellStartedAt > QUICK_CELL_MS_MAX) break;
      this.#options.floor.sample();
      for (const contender of inTurn(contenders, round)) {
        const measurements = outcomes.get(contender.name);
        if (!Array.isArray(measurements) || this.#hasSpentItsTime(spentMs.get(contender.name))) continue;
        this.#options.onProgress(
          `${cell.scenario} at ${cell.connections}, round ${round + 1} of ${rounds}: ${contender.name}`,
        );
        const startedAt = this.#now();
        try {
          measurements.push({ round, ...(await this.#measure(cell, contender)) });
        } catch (error) {
          outcomes.set(contender.name, { failed: error instanceof Error ? error.message : String(error) });
        }
        spentMs.set(contender.name, (spentMs.get(contender.name) ?? 0) + this.#now() - startedAt);
        await wait(SETTLE_MS);
      }
    }
    const record = recordOf(cell, outcomes);
    const judged = {
      ...record,
      seconds: (this.#now() - cellStartedAt) / MS_PER_SECOND,
      goals: goalsOf(record, this.#options.floor.result()),
    };
    this.#records.push(judged);
    return judged;
  }

  /** A quick run does not wait for a slow contender a second time. */
  #hasSpentItsTime(spentMs: number | undefined): boolean {
    return this.#options.quick && (spentMs ?? 0) > QUICK_SPENT_MS_MAX;
  }

  async #measure(cell: Cell, contender: Contender) {
    const { stable, load, directory, quick, sleepers, warmupMs, durationMs } = this.#options;
    this.#measured += 1;
    const tag = `m${this.#measured}-${Math.floor(performance.timeOrigin).toString(36)}-`;
    return stable.withFresh(contender, (fresh) => {
      const stage: Stage = {
        contender,
        running: () => this.#running(contender),
        fresh,
        directory,
        load,
        quick,
        sleepers,
        warmupMs,
        durationMs,
        tag,
        figuresOf: (scenario, connections) => this.#figuresOf(contender.name, scenario, connections),
      };
      return cell.measure(stage);
    });
  }

  /** Warm before it is measured for the first time: code that Node has not compiled yet is not what is compared. */
  async #running(contender: Contender): Promise<RunningContender> {
    const { stable, load, quick } = this.#options;
    const startedAt = performance.now();
    const running = await stable.running(contender);
    if (!this.#warm.has(contender.name)) {
      this.#warm.add(contender.name);
      await warmUp(running, load, quick ? QUICK_WARM_UP_MS : WARM_UP_MS);
    }
    this.#preparingMs += performance.now() - startedAt;
    return running;
  }

  /** A clock that stands still while contenders are started. */
  #now(): number {
    return performance.now() - this.#preparingMs;
  }

  #figuresOf(name: ContenderName, scenario: string, connections: number): Figures | undefined {
    const record = this.#records.find((each) => each.name === scenario && each.connections === connections);
    return figuresOf(name === "holdfast" ? record?.holdfast : record?.peers[name]);
  }
}

/** Each round begins with another contender. */
function inTurn<Item>(items: readonly Item[], round: number): readonly Item[] {
  const first = items.length === 0 ? 0 : round % items.length;
  return [...items.slice(first), ...items.slice(0, first)];
}

function recordOf(
  cell: Cell,
  outcomes: ReadonlyMap<ContenderName, RoundMeasurement[] | Exclude<Outcome, { rounds: number }>>,
): ScenarioRecord {
  const peers: Partial<Record<ContenderName, Outcome>> = {};
  const ratio: Partial<Record<ContenderName, Spread>> = {};
  let ours: Outcome | undefined;
  const values = (name: ContenderName): ReadonlyMap<number, number> => {
    const measurements = outcomes.get(name);
    return new Map(Array.isArray(measurements) ? measurements.map(({ round, value }) => [round, value]) : []);
  };
  for (const [name, measured] of outcomes) {
    const outcome = Array.isArray(measured)
      ? (combine(measured, cell.plotsLatency ?? false) ?? { failed: "nothing was measured" })
      : measured;
    if (name === "holdfast") {
      ours = outcome;
      continue;
    }
    peers[name] = outcome;
    const paired = pairedRatio(values("holdfast"), values(name), cell.better);
    if (paired !== undefined) ratio[name] = paired;
  }
  return {
    name: cell.scenario,
    title: cell.title,
    connections: cell.connections,
    unit: cell.unit,
    better: cell.better,
    ...(ours === undefined ? {} : { holdfast: ours }),
    peers,
    ratio,
    seconds: 0,
    goals: [],
  };
}
