/**
 * Proposals from outside that wait while the store cannot keep up. Whoever proposed them waits for the answer anyway, and
 * stops sending meanwhile: that is the brake. It costs what they hold in memory, so there is an end to it.
 */
import type { Outcome, RecordBody } from "@holdfast/engine";
import { HoldfastError } from "@holdfast/protocol";

import type { Urgency } from "./batcher.ts";

const COUNT_MAX = 10_000;
const BYTES_MAX = 32 * 1024 * 1024;
/** Submitted in one turn when the wait is over. */
const RELEASED_PER_TURN = 200;
/** What each costs beside what it carries: its objects, and whoever waits for the answer. */
const BYTES_EACH = 500;

export type HeldProposalsDeps = {
  readonly soon: (run: () => void) => void;
  readonly mustWait: () => boolean;
  /** Throws a HoldfastError when it refuses. */
  readonly submit: (body: RecordBody, done: (outcome: Outcome) => void, urgency: Urgency) => void;
};

type Held = { readonly body: RecordBody; readonly done: (outcome: Outcome) => void; readonly bytes: number };

export class HeldProposals {
  readonly #deps: HeldProposalsDeps;
  #held: Held[] = [];
  #next = 0;
  #bytes = 0;
  #isReleasing = false;

  constructor(deps: HeldProposalsDeps) {
    this.#deps = deps;
  }

  get count(): number {
    return this.#held.length - this.#next;
  }

  /** No more may wait: refuse. */
  get isFull(): boolean {
    return this.count >= COUNT_MAX || this.#bytes >= BYTES_MAX;
  }

  /** Submits it, now or in its turn. */
  take(body: RecordBody, done: (outcome: Outcome) => void, urgency: Urgency = "urgent"): void {
    if (this.count === 0 && !this.#deps.mustWait()) {
      this.#deps.submit(body, done, urgency);
      return;
    }
    const bytes = bytesOf(body);
    this.#held.push({ body, done, bytes });
    this.#bytes += bytes;
  }

  /** The wait may be over. */
  release(): void {
    if (this.#isReleasing || this.count === 0) return;
    for (let left = RELEASED_PER_TURN; left > 0 && this.count > 0 && !this.#deps.mustWait(); left--)
      this.#submitNext();
    // A wait that goes on ends with another call.
    if (this.count === 0 || this.#deps.mustWait()) return;
    this.#isReleasing = true;
    this.#deps.soon(() => {
      this.#isReleasing = false;
      this.release();
    });
  }

  /** Whatever the store does. */
  releaseAll(): void {
    while (this.count > 0) this.#submitNext();
  }

  /** They never happen, and whoever proposed them is told so. */
  refuse({ code, message }: HoldfastError): void {
    const refused = this.#held.slice(this.#next);
    this.drop();
    for (const { done } of refused) done({ ok: false, code, message });
  }

  /** They never happen. */
  drop(): void {
    this.#held = [];
    this.#next = 0;
    this.#bytes = 0;
  }

  #submitNext(): void {
    const held = this.#held[this.#next] as Held;
    this.#next += 1;
    this.#bytes -= held.bytes;
    if (this.#next === this.#held.length) {
      this.#held = [];
      this.#next = 0;
    }
    try {
      this.#deps.submit(held.body, held.done, "urgent");
    } catch (error) {
      // Too late to throw it at whoever proposed it.
      if (!(error instanceof HoldfastError)) throw error;
      held.done({ ok: false, code: error.code, message: error.message });
    }
  }
}

/**
 * About what it holds in memory, for every kind of record: all its bytes and texts, the names of headers and metadata among
 * them. Without recursion, because a manifest is as deep as its sender likes.
 */
function bytesOf(body: RecordBody): number {
  let bytes = BYTES_EACH;
  const parts: unknown[] = [body];
  while (parts.length > 0) {
    const part = parts.pop();
    if (typeof part === "string") bytes += part.length;
    else if (part instanceof Uint8Array) bytes += part.byteLength;
    else if (typeof part === "object" && part !== null) {
      for (const [name, inner] of Object.entries(part)) {
        bytes += name.length;
        parts.push(inner);
      }
    }
  }
  return bytes;
}
