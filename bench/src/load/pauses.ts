/** The longest time in which no answer came although one was owed. Times are milliseconds of one clock. */

/** A request without an answer. */
export interface Owed {
  readonly dueMs: number;
}

export class Pauses {
  /** Oldest first. */
  readonly #owed = new Set<Owed>();
  #lastAnswerMs = 0;
  #longestMs = 0;

  get longestMs(): number {
    return this.#longestMs;
  }

  /** What is longer ago does not count. What is owed stays so. */
  begin(nowMs: number): void {
    this.#lastAnswerMs = nowMs;
    this.#longestMs = 0;
  }

  /**
   * A request is sent that was due at `dueMs`, which is now or earlier. They are sent in the order in which they are due,
   * so what is due and not sent yet is younger than all that is sent: the oldest that is owed is always among the latter.
   */
  owe(dueMs: number): Owed {
    const owed = { dueMs };
    this.#owed.add(owed);
    return owed;
  }

  answered(owed: Owed, nowMs: number): void {
    const [oldest = owed] = this.#owed;
    const pause = nowMs - Math.max(this.#lastAnswerMs, oldest.dueMs);
    if (pause > this.#longestMs) this.#longestMs = pause;
    this.#lastAnswerMs = nowMs;
    this.#owed.delete(owed);
  }
}
