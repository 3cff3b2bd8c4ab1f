/** Requests of a client, each noted down with what it was told. */
import type { Acknowledgements } from "./acknowledgements.ts";
import { post, type Answer } from "./http.ts";

export type CallerOptions = {
  readonly ingressUrl: string;
  readonly acknowledgements: Acknowledgements;
  readonly signal?: AbortSignal;
};

/** Each method tells whether it was answered with success. It rejects when there was no answer at all. */
export class Caller {
  readonly #options: CallerOptions;

  constructor(options: CallerOptions) {
    this.#options = options;
  }

  /** `key`: the idempotency key, so that the call can be repeated. */
  async call(path: string, key: string, input: unknown): Promise<boolean> {
    const { unanswered, answers } = this.#options.acknowledgements;
    const name = JSON.stringify([path, key, input]);
    unanswered.add(name);
    const answer = await this.#post(path, input, key);
    if (answer.status !== 200) return this.#refused();
    unanswered.delete(name);
    answers.set(name, answer.text);
    return true;
  }

  async send(client: string, path: string, input?: unknown): Promise<boolean> {
    const answer = await this.#post(`${path}/send`, input);
    if (answer.status !== 202) return this.#refused();
    const { invocationId: id } = JSON.parse(answer.text) as { readonly invocationId: string };
    this.#options.acknowledgements.accepted.push({ id, path, client });
    return true;
  }

  /** A workflow that waits for a promise, and the promise. */
  async passGate(client: string, key: string): Promise<boolean> {
    if (!(await this.send(client, `gate/${key}/run`))) return false;
    const answer = await this.#post(`restate/promises/gate/${key}/go/resolve`, key);
    if (answer.status !== 200) return this.#refused();
    this.#options.acknowledgements.settled.set(key, key);
    return true;
  }

  #refused(): false {
    this.#options.acknowledgements.refused += 1;
    return false;
  }

  #post(path: string, body: unknown, idempotencyKey?: string): Promise<Answer> {
    const { ingressUrl, signal } = this.#options;
    return post(`${ingressUrl}/${path}`, {
      body,
      ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
      ...(signal === undefined ? {} : { signal }),
    });
  }
}
