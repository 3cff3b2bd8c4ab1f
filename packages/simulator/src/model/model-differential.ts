/** The model beside the product: fed with the same records, it says where the two come to something else. */
import type { Effect, LogRecord, Outcome, Tables } from "@holdfast/engine";

import { compare, compareEffects, compareInvocation, compareOutcomes, type Difference } from "./compare.ts";
import { Model } from "./model.ts";

export class ModelDifferential {
  readonly model = new Model();

  /**
   * The next record of the log, with what the product made of it where that is known (a replay knows neither). With
   * `tables`, as of this record, the invocations that it concerns are compared as well.
   */
  apply(record: LogRecord, outcome?: Outcome, effects?: readonly Effect[], tables?: Tables): Difference[] {
    const applied = this.model.apply(record);
    const differences: Difference[] = [];
    if (outcome !== undefined)
      differences.push(...compareOutcomes(record.body.kind, applied.outcome, outcome));
    if (effects !== undefined) differences.push(...compareEffects(applied.effects, effects));
    if (tables === undefined) return differences;
    const touched = new Set(applied.effects.map(({ id }) => id));
    // The other ids are those of deployments.
    if ("id" in record.body && !record.body.kind.endsWith("-deployment")) touched.add(record.body.id);
    for (const id of touched) differences.push(...compareInvocation(this.model, tables, id));
    return differences;
  }

  /** Everything; costs as much as there is. */
  compareAll(tables: Tables): Difference[] {
    return compare(this.model, tables);
  }
}
