/** The steps of an attempt that have no recorded result yet: waiting for the end of the replay, or under way. */
import type { RunStep } from "./run-step.ts";

export class Steps {
  /** Started, and neither settled nor given up. */
  readonly #active = new Set<RunStep>();
  #held: RunStep[] = [];
  #mayStart = false;
  #isClosed = false;

  get active(): readonly RunStep[] {
    return [...this.#active];
  }

  /** Whether the replay is over, so that steps start at once. */
  get mayStart(): boolean {
    return this.#mayStart;
  }

  /** Starts it, now or when the replay is over: a result that is on its way in the journal must not be computed again. */
  add(step: RunStep): void {
    if (this.#mayStart) this.#start(step);
    else this.#held.push(step);
  }

  /** The replay is over. */
  release(): void {
    this.#mayStart = true;
    const held = this.#held;
    this.#held = [];
    for (const step of held) {
      if (this.#isClosed) return; // One that was started has ended the attempt.
      if (!step.operation.isSettled && step.state === "held") this.#start(step);
    }
  }

  /** Its result is recorded. If it still runs, nobody needs what it brings. */
  settled(step: RunStep): void {
    this.#active.delete(step);
    if (step.state !== "proposed") step.drop(RECORDED);
  }

  /** Gives up all of them. */
  drop(reason: unknown): void {
    for (const step of this.#active) step.drop(reason);
    for (const step of this.#held) step.drop(reason);
    this.#active.clear();
    this.#held = [];
  }

  /** Gives up all of them, and starts none any more. */
  close(reason: unknown): void {
    this.#isClosed = true;
    this.drop(reason);
  }

  #start(step: RunStep): void {
    this.#active.add(step);
    step.start();
  }
}

const RECORDED = new Error("the result of this step has been recorded already");
