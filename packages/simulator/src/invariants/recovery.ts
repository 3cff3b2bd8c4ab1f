/** What recovery makes of the log: LOG-5 (from zero), LOG-6 (from a checkpoint), and the tables' own consistency: INV-9. */
import { checkTables, type Tables } from "@holdfast/engine";
import { differences, dumpTables } from "@holdfast/engine/testing";

import type { DurableFold } from "./durable-fold.ts";
import type { Judge, Monitor, RestFacts } from "./monitor.ts";
import type { WorldEvent } from "./world-event.ts";

/** Every so many recoveries the recovered tables are looked through row by row. */
const CHECK_EVERY = 4;
/** Differences that a message lists. */
const SHOWN_MAX = 5;

export class RecoveryMonitor implements Monitor {
  readonly ids = ["LOG-5", "LOG-6", "INV-9"];
  readonly #judge: Judge;
  readonly #fold: DurableFold;
  #recoveries = 0;

  constructor(judge: Judge, fold: DurableFold) {
    this.#judge = judge;
    this.#fold = fold;
  }

  observe(event: WorldEvent): void {
    if (event.kind !== "recovered") return;
    const { checkpointPosition, tables, life } = event;
    const id = checkpointPosition === 0 ? "LOG-5" : "LOG-6";
    this.#checkSame(id, tables, `life ${life}, recovered from checkpoint ${checkpointPosition},`);
    if (this.#recoveries % CHECK_EVERY === 0) this.#checkConsistent(tables);
    this.#recoveries += 1;
  }

  atRest({ tables }: RestFacts): void {
    this.#checkSame("LOG-5", tables, "the engine at rest");
    this.#checkConsistent(tables);
  }

  #checkSame(id: string, tables: Tables, who: string): void {
    const found = differences(dumpTables(this.#fold.tables), dumpTables(tables));
    this.#judge.holds(id, found.length === 0, () => {
      const shown = found
        .slice(0, SHOWN_MAX)
        .map(({ row, field, before, after }) => `${row} ${field}: ${before} became ${after}`);
      return `${who} differs from a replay of the whole log in ${found.length} fields: ${shown.join("; ")}`;
    });
  }

  #checkConsistent(tables: Tables): void {
    const { problems } = checkTables(tables);
    this.#judge.holds("INV-9", problems.length === 0, () =>
      problems
        .slice(0, SHOWN_MAX)
        .map(({ subject, problem }) => `${subject} ${problem}`)
        .join("; "),
    );
  }
}
