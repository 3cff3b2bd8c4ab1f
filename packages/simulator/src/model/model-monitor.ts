/** The model beside a simulated world: told of every durable record, and held against the tables that came of them. */
import type { Tables } from "@holdfast/engine";

import type { Step } from "../invariants/durable-fold.ts";
import type { Judge, Monitor, RestFacts } from "../invariants/monitor.ts";
import { describeDifference, type Difference } from "./compare.ts";
import { ModelDifferential } from "./model-differential.ts";

/** Broken when two authors understood the documents differently, or when one of them made a mistake. */
const ID = "MODEL-1";
const SHOWN_MAX = 5;

export class ModelMonitor implements Monitor {
  readonly ids: readonly string[] = [ID];
  readonly #differential = new ModelDifferential();
  readonly #judge: Judge;
  readonly #tables: Tables;

  /** `tables`: of the fold whose steps are followed. */
  constructor(judge: Judge, tables: Tables) {
    this.#judge = judge;
    this.#tables = tables;
  }

  observe(): void {}

  follow({ record, outcome, effects }: Step): void {
    this.#mustAgree(this.#differential.apply(record, outcome, effects, this.#tables), record.body.kind);
  }

  atRest({ tables }: RestFacts): void {
    this.#mustAgree(this.#differential.compareAll(tables), "rest");
  }

  #mustAgree(differences: readonly Difference[], where: string): void {
    const shown = (): string => differences.slice(0, SHOWN_MAX).map(describeDifference).join("; ");
    this.#judge.holds(ID, differences.length === 0, () => `model and product differ at ${where}: ${shown()}`);
  }
}
