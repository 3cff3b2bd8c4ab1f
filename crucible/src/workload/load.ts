/** Clients that call, send and settle until they are told to stop or the engine is gone. */
import { setTimeout as wait } from "node:timers/promises";

import type { Acknowledgements } from "./acknowledgements.ts";
import { Caller } from "./caller.ts";
import { between, type Random } from "./random.ts";

/** Objects that are incremented: few, so that invocations queue up for them. */
export const COUNTERS = 4;
const NAP_MS_MAX = 300;
/** Wait of a client that was refused or not answered, ms. */
const PAUSE_AFTER_FAILURE_MS = 50;

export type LoadOptions = {
  readonly ingressUrl: string;
  readonly acknowledgements: Acknowledgements;
  readonly random: Random;
  /** Makes keys unique between loads. */
  readonly name: string;
  readonly clients?: number;
  /** Longest wait of a client between two requests, ms. */
  readonly pauseMsMax?: number;
};

const CLIENTS = 8;
const PAUSE_MS_MAX = 10;

export class Load {
  readonly #options: LoadOptions;
  readonly #stopped = new AbortController();
  readonly #caller: Caller;
  #isOver = false;
  readonly #clients: Promise<void>;
  #inFlight = 0;
  #succeeded = 0;

  constructor(options: LoadOptions) {
    this.#options = options;
    const { ingressUrl, acknowledgements } = options;
    this.#caller = new Caller({ ingressUrl, acknowledgements, signal: this.#stopped.signal });
    const names = Array.from({ length: options.clients ?? CLIENTS }, (_, n) => `${options.name}-${n}`);
    this.#clients = Promise.all(names.map((name) => this.#run(name))).then(() => {});
  }

  /** Requests that wait for their answer at this moment. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Requests that were answered with success so far. */
  get succeeded(): number {
    return this.#succeeded;
  }

  /** Lets requests under way be answered for `graceMs`, then gives them up. */
  async stop(graceMs: number): Promise<void> {
    this.#isOver = true;
    const timer = setTimeout(() => this.#stopped.abort(), graceMs);
    await this.#clients;
    clearTimeout(timer);
  }

  async #run(client: string): Promise<void> {
    const { random, pauseMsMax = PAUSE_MS_MAX } = this.#options;
    for (let i = 0; !this.#isOver; i++) {
      this.#inFlight += 1;
      try {
        const succeeded = await this.#act(client, `${client}-${i}`);
        if (succeeded) this.#succeeded += 1;
        else await wait(PAUSE_AFTER_FAILURE_MS);
      } catch {
        // No answer: the outcome is unknown, and the acknowledgements say nothing about it.
        if (!this.#isOver) await wait(PAUSE_AFTER_FAILURE_MS);
      } finally {
        this.#inFlight -= 1;
      }
      if (!this.#isOver) await wait(random() * pauseMsMax);
    }
  }

  #act(client: string, key: string): Promise<boolean> {
    const { random } = this.#options;
    const counter = `c${between(random, 0, COUNTERS - 1)}`;
    const dice = random();
    if (dice < 0.25) return this.#caller.call("flow/steps", key, key);
    if (dice < 0.4) return this.#caller.send(client, "flow/steps", key);
    if (dice < 0.55) return this.#caller.send(client, "flow/nap", between(random, 1, NAP_MS_MAX));
    if (dice < 0.8) return this.#caller.send(client, `counter/${counter}/add`, key);
    if (dice < 0.83) return this.#caller.send(client, "flow/flaky", key);
    if (dice < 0.9) return this.#caller.call("flow/relay", key, counter);
    return this.#caller.passGate(client, key);
  }
}
