/** Holds what the handlers wrote into the ledger against the promises made to handlers. */
import type { LedgerEvent, LedgerReader } from "./ledger-file.ts";
import type { Violation } from "./violation.ts";

export class SeenByHandlers {
  /** Executions of steps. */
  executions = 0;
  /** Sleeps that ended. */
  naps = 0;
  readonly #ledger: LedgerReader;
  readonly #report: (violation: Violation) => void;
  readonly #checkWakeUps: boolean;
  /** Results of recorded steps, by step. */
  readonly #results = new Map<string, string>();
  /** What each increment made of its counter: counter, then invocation, then value. */
  readonly #counts = new Map<string, Map<string, number>>();

  constructor(ledger: LedgerReader, report: (violation: Violation) => void, checkWakeUps: boolean) {
    this.#ledger = ledger;
    this.#report = report;
    this.#checkWakeUps = checkWakeUps;
  }

  readNew(): void {
    for (const event of this.#ledger.readNew()) this.#take(event);
  }

  /** The value that an increment made, as its handler saw it. */
  countOf(invocation: string): number | undefined {
    for (const counts of this.#counts.values()) {
      const value = counts.get(invocation);
      if (value !== undefined) return value;
    }
    return undefined;
  }

  /** Each counter went 1, 2, 3 … without a gap and without a number twice. To be called when nothing runs. */
  checkCounters(): ReadonlyMap<string, number> {
    const last = new Map<string, number>();
    for (const [counter, counts] of this.#counts) {
      const values = [...counts.values()].toSorted((a, b) => a - b);
      const wrong = values.findIndex((value, index) => value !== index + 1);
      if (wrong >= 0)
        this.#report({
          kind: "wrong",
          text: `counter ${counter} has the value ${values[wrong]} where ${wrong + 1} was due`,
        });
      last.set(counter, values.length);
    }
    return last;
  }

  #take(event: LedgerEvent): void {
    switch (event.kind) {
      case "executed":
        this.executions += 1;
        if (this.#results.has(event.step))
          this.#report({
            kind: "duplicate",
            text: `step ${event.step} ran again after its result was recorded`,
          });
        return;
      case "observed":
        this.#observe(event.step, event.result);
        return;
      case "woke":
        this.naps += 1;
        if (this.#checkWakeUps && event.early > 0)
          this.#report({ kind: "early", text: `${event.invocation} woke ${event.early} ms early` });
        return;
      case "counted":
        this.#count(event.counter, event.invocation, event.value);
    }
  }

  #observe(step: string, result: string): void {
    const before = this.#results.get(step);
    this.#results.set(step, result);
    if (before !== undefined && before !== result)
      this.#report({ kind: "wrong", text: `step ${step} had the result ${before} and now has ${result}` });
  }

  #count(counter: string, invocation: string, value: number): void {
    const counts = this.#counts.get(counter) ?? new Map<string, number>();
    this.#counts.set(counter, counts);
    const before = counts.get(invocation);
    counts.set(invocation, value);
    // The same value again is an attempt that died before its increment was recorded.
    if (before !== undefined && before !== value)
      this.#report({
        kind: "duplicate",
        text: `${invocation} set ${counter} to ${before} and again to ${value}`,
      });
  }
}
