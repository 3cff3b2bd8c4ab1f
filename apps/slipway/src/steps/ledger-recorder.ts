import { join } from "node:path";

import type { Clock } from "../ports/clock.ts";
import { Ledger, type LedgerEvent, type LedgerLine } from "./ledger.ts";
import type { StepExecution, StepRecorder } from "./step-recorder.ts";

export interface StepNews extends LedgerLine {
  readonly deployment: string;
}

export interface LedgerRecorderOptions {
  readonly clock: Clock;
  /** One folder in it per deployment. */
  readonly directory: string;
  /** Which run of the program this is. */
  readonly run: string;
  /** Told of every line. */
  readonly onNews: (news: StepNews) => void;
}

/** Records steps in the ledgers of their deployments. */
export class LedgerRecorder implements StepRecorder {
  readonly #options: LedgerRecorderOptions;
  readonly #ledgers = new Map<string, Ledger>();

  constructor(options: LedgerRecorderOptions) {
    this.#options = options;
  }

  async record<Result>(
    step: StepExecution,
    work: () => Result | Promise<Result>,
    describe: (result: Result) => string = () => "",
  ): Promise<Result> {
    const finished = this.#ledger(step.deployment).finished(step.key);
    if (finished !== undefined) {
      this.#append(step, "recalled", finished.note === undefined ? {} : { note: finished.note });
      return finished.result as Result;
    }
    this.#append(step, "begin", {});
    try {
      const result = await work();
      this.#append(step, "done", { result, note: describe(result) });
      return result;
    } catch (error) {
      this.#append(step, "failed", { note: error instanceof Error ? error.message : String(error) });
      throw error;
    }
  }

  lines(deployment: string): readonly LedgerLine[] {
    return this.#ledger(deployment).lines();
  }

  /** The file is gone: what comes now begins a new one. */
  forget(deployment: string): void {
    this.#ledgers.delete(deployment);
  }

  #ledger(deployment: string): Ledger {
    const known = this.#ledgers.get(deployment);
    if (known !== undefined) return known;
    const ledger = new Ledger(join(this.#options.directory, deployment, "ledger.jsonl"));
    this.#ledgers.set(deployment, ledger);
    return ledger;
  }

  #append(step: StepExecution, event: LedgerEvent, rest: Pick<LedgerLine, "result" | "note">): void {
    const { clock, run, onNews } = this.#options;
    const line: LedgerLine = { at: clock.now(), run, step: step.name, key: step.key, event, ...rest };
    this.#ledger(step.deployment).append(line);
    onNews({ ...line, deployment: step.deployment });
  }
}
