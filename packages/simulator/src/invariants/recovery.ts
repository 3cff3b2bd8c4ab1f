/** What recovery makes of the log: LOG-5 (from zero), LOG-6 (from a checkpoint), and the tables' own consistency: INV-9. */
import { checkTables, type Tables } from "@holdfast/engine";
import { differences, dumpTables } from "@holdfast/engine/testing";

import type { DurableFold } from "./durable-fold.ts";
import type { Judge, Monitor, RestFacts } from "./monitor.ts";
import { isSameValue } from "./same-value.ts";
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
    const found = isSame(this.#fold.tables, tables)
      ? []
      : differences(dumpTables(this.#fold.tables), dumpTables(tables));
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

/** Whether two instances hold the same, without telling what differs: several times faster than comparing them as texts. */
function isSame(a: Tables, b: Tables): boolean {
  if (!isSameValue(a.meta, b.meta) || !isSameRows(a.deployments, b.deployments)) return false;
  if (!isSameRows(a.objects, b.objects) || !isSameRows(a.inbox, b.inbox)) return false;
  return isSameRows(a.timers, b.timers) && isSameRows(invocationsOf(a), invocationsOf(b));
}

type Rows = { all(): Iterable<readonly [string, unknown]> };

function isSameRows(a: Rows, b: Rows): boolean {
  const others = new Map(b.all());
  let rows = 0;
  for (const [key, row] of a.all()) {
    rows += 1;
    if (!isSameValue(row, others.get(key))) return false;
  }
  return rows === others.size;
}

/** With their journals, wherever the entries lie. */
function invocationsOf(tables: Tables): Rows {
  return {
    *all() {
      for (const [id, row] of tables.invocations.all()) {
        yield [id, [{ ...row, tail: [], storing: 0, chunks: [] }, tables.journal(row)]] as const;
      }
    },
  };
}
