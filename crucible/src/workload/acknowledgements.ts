/** What callers were told, and what must therefore come true. */

/** An invocation whose submission was acknowledged. */
export type Accepted = {
  readonly id: string;
  /** What was called: "flow/steps", "counter/c1/add". */
  readonly path: string;
  /** The client that sent it. One client sends one after the other, so its sends to a key have an order. */
  readonly client: string;
};

export class Acknowledgements {
  /** In the order of their acknowledgement. */
  readonly accepted: Accepted[] = [];
  /** The bytes of the answer of each call, by its path and idempotency key. */
  readonly answers = new Map<string, string>();
  /** Calls without an answer: they may or may not have happened, once. */
  readonly unanswered = new Set<string>();
  /** Values of settled promises, by the key of their workflow. */
  readonly settled = new Map<string, string>();
  /** Requests that were refused with a status that says so. */
  refused = 0;

  get count(): number {
    return this.accepted.length + this.answers.size + this.settled.size;
  }
}
