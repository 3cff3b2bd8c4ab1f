/** Far more, and far larger, than the server can take at once: callers who do not wait for one another. */
import { setTimeout as wait } from "node:timers/promises";

import type { Acknowledgements } from "./acknowledgements.ts";
import { post } from "./http.ts";

export type FloodOptions = {
  readonly ingressUrl: string;
  readonly acknowledgements: Acknowledgements;
  readonly callers: number;
  /** Bytes of each request's body. */
  readonly bodyBytes: number;
};

const PAUSE_AFTER_REFUSAL_MS = 20;

export class Flood {
  /** How often each status was the answer. */
  readonly statuses = new Map<number, number>();
  /** Refusals by the code of their error. */
  readonly refusals = new Map<string, number>();
  readonly #options: FloodOptions;
  readonly #stopped = new AbortController();
  readonly #callers: Promise<unknown>;
  #isOver = false;

  constructor(options: FloodOptions) {
    this.#options = options;
    const body = "f".repeat(options.bodyBytes);
    this.#callers = Promise.all(
      Array.from({ length: options.callers }, (_, n) => this.#run(`flood-${n}`, body)),
    );
  }

  async stop(graceMs: number): Promise<void> {
    this.#isOver = true;
    const timer = setTimeout(() => this.#stopped.abort(), graceMs);
    await this.#callers;
    clearTimeout(timer);
  }

  /** Statuses with their numbers, for the report. */
  summary(): string {
    const statuses = [...this.statuses]
      .toSorted(([a], [b]) => a - b)
      .map(([status, count]) => `${count} × ${status}`);
    const refusals = [...this.refusals].map(([code, count]) => `${count} × ${code}`);
    return [...statuses, ...refusals].join(", ");
  }

  async #run(client: string, body: string): Promise<void> {
    const { ingressUrl, acknowledgements } = this.#options;
    const path = "flow/swallow";
    while (!this.#isOver) {
      try {
        const { status, text } = await post(`${ingressUrl}/${path}/send`, {
          body,
          signal: this.#stopped.signal,
        });
        this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1);
        if (status === 202) {
          const { invocationId: id } = JSON.parse(text) as { readonly invocationId: string };
          acknowledgements.accepted.push({ id, path, client });
        } else {
          const { error = "" } = JSON.parse(text) as { readonly error?: string };
          this.refusals.set(error, (this.refusals.get(error) ?? 0) + 1);
          await wait(PAUSE_AFTER_REFUSAL_MS);
        }
      } catch {
        // No answer: nothing was promised.
        if (!this.#isOver) await wait(PAUSE_AFTER_REFUSAL_MS);
      }
    }
  }
}
