/** Holds an engine against everything that was acknowledged so far, by any process that ran on its directory. */
import { setTimeout as wait } from "node:timers/promises";

import type { Accepted, Acknowledgements } from "./acknowledgements.ts";
import { get, inParallel, post, type Answer } from "./http.ts";
import { LedgerReader } from "./ledger-file.ts";
import { between, type Random } from "./random.ts";
import { SeenByHandlers } from "./seen-by-handlers.ts";
import type { Violation } from "./violation.ts";

const WIDTH = 16;
/** What is acknowledged must end within so long once faults have stopped, ms. */
const SETTLE_MS_MAX = 60_000;
/** Old outcomes that are read again at each look. */
const SAMPLE = 20;
const NOT_READY = 470;
const REFUSED_PAUSE_MS = 100;
/** Violations that are kept: the first ones tell the story. */
const KEPT_MAX = 12;

export type VerifierOptions = {
  readonly acknowledgements: Acknowledgements;
  readonly ledger: string;
  readonly random: Random;
  /** Default true. False where the handlers' clock changes. */
  readonly checkWakeUps?: boolean;
};

export class Verifier {
  readonly violations: Violation[] = [];
  readonly seen: SeenByHandlers;
  /** Acknowledgements that were looked up after a fault and found kept. Each counts once, when it is looked up first. */
  verified = 0;
  readonly #acknowledgements: Acknowledgements;
  readonly #random: Random;
  /** How many of the accepted were found again, and how many of those have come to their end. */
  #found = 0;
  #ended = 0;
  /** The bytes of the outcome of each accepted invocation that has come to its end. */
  readonly outcomes = new Map<string, string>();
  readonly #checkedAnswers = new Set<string>();
  readonly #checkedGates = new Set<string>();
  /** The last value that an increment got, by client and counter: sends of one client keep their order. */
  readonly #lastOfClient = new Map<string, number>();

  constructor(options: VerifierOptions) {
    this.#acknowledgements = options.acknowledgements;
    this.#random = options.random;
    const report = (violation: Violation): void => this.report(violation);
    this.seen = new SeenByHandlers(new LedgerReader(options.ledger), report, options.checkWakeUps ?? true);
  }

  report(violation: Violation): void {
    if (this.violations.length < KEPT_MAX) this.violations.push(violation);
  }

  /** Right after a start: everything accepted is there, and outcomes are what they were. */
  async look(ingressUrl: string): Promise<void> {
    const { accepted } = this.#acknowledgements;
    const fresh = accepted.slice(this.#found);
    this.#found = accepted.length;
    await inParallel(fresh, WIDTH, async ({ id, path }) => {
      const { status, text } = await get(`${ingressUrl}/restate/invocation/${id}/output`);
      if (status === 200 || status === NOT_READY) this.verified += 1;
      else this.report({ kind: "lost", text: `${path} ${id} was accepted; now it is ${status} ${text}` });
    });
    const known = [...this.outcomes];
    const sample = Array.from(
      { length: Math.min(SAMPLE, known.length) },
      () => known[between(this.#random, 0, known.length - 1)],
    );
    await inParallel(
      sample.filter((pair) => pair !== undefined),
      WIDTH,
      async ([id, outcome]) => {
        const again = await get(`${ingressUrl}/restate/invocation/${id}/output`);
        if (again.text !== outcome)
          this.report({
            kind: "wrong",
            text: `${id} had the outcome ${outcome} and now ${again.status} ${again.text}`,
          });
      },
    );
    this.seen.readNew();
  }

  /** Faults have stopped: everything comes to its end, and all observers agree on it. */
  async settle(ingressUrl: string): Promise<void> {
    await this.look(ingressUrl);
    const signal = AbortSignal.timeout(SETTLE_MS_MAX);
    const { accepted, unanswered } = this.#acknowledgements;
    const open = accepted.slice(this.#ended);
    this.#ended = accepted.length;
    await inParallel(open, WIDTH, (one) => this.#end(ingressUrl, one, signal));
    await inParallel([...unanswered], WIDTH, async (name) => {
      const { status, text } = await this.#repeat(ingressUrl, name, signal);
      if (status !== 200)
        this.report({ kind: "lost", text: `the call ${name} ended with ${status} ${text}` });
      unanswered.delete(name);
    });
    await this.#checkAnswers(ingressUrl, signal);
    await this.#checkGates(ingressUrl, signal);
    this.seen.readNew();
    await this.#checkCounters(ingressUrl, signal);
    this.#checkOrder(open);
  }

  async #end(ingressUrl: string, { id, path }: Accepted, signal: AbortSignal): Promise<void> {
    const url = `${ingressUrl}/restate/invocation/${id}`;
    const gate = /^gate\/(.*)\/run$/.exec(path)?.[1];
    // Settling its promise may have been cut short. A second time changes nothing.
    if (gate !== undefined)
      await patiently(() =>
        post(`${ingressUrl}/restate/promises/gate/${gate}/go/resolve`, { body: gate, signal }),
      );
    const attached = await patiently(() => get(`${url}/attach`, signal));
    if (attached.status !== 200) {
      const what = `${attached.status} ${attached.text}`;
      this.report({ kind: "lost", text: `${path} ${id} was accepted and ended with ${what}` });
      return;
    }
    const read = await patiently(() => get(`${url}/output`, signal));
    if (read.text !== attached.text)
      this.report({ kind: "wrong", text: `${id}: one observer saw ${attached.text}, another ${read.text}` });
    this.outcomes.set(id, attached.text);
  }

  async #checkAnswers(ingressUrl: string, signal: AbortSignal): Promise<void> {
    const fresh = [...this.#acknowledgements.answers].filter(([name]) => !this.#checkedAnswers.has(name));
    await inParallel(fresh, WIDTH, async ([name, answer]) => {
      this.#checkedAnswers.add(name);
      const again = await this.#repeat(ingressUrl, name, signal);
      if (again.text === answer) this.verified += 1;
      else
        this.report({ kind: "wrong", text: `the call ${name} was answered ${answer} and now ${again.text}` });
    });
  }

  /** With the same idempotency key it is the same call. */
  #repeat(ingressUrl: string, name: string, signal: AbortSignal): Promise<Answer> {
    const [path, idempotencyKey, body] = JSON.parse(name) as [string, string, unknown];
    return patiently(() => post(`${ingressUrl}/${path}`, { body, idempotencyKey, signal }));
  }

  async #checkGates(ingressUrl: string, signal: AbortSignal): Promise<void> {
    const fresh = [...this.#acknowledgements.settled].filter(([key]) => !this.#checkedGates.has(key));
    await inParallel(fresh, WIDTH, async ([key, value]) => {
      this.#checkedGates.add(key);
      const { status, text } = await patiently(() =>
        get(`${ingressUrl}/restate/workflow/gate/${key}/attach`, signal),
      );
      if (status === 200 && text === JSON.stringify(value)) this.verified += 1;
      else
        this.report({
          kind: "lost",
          text: `the promise of gate ${key} was settled; its workflow is ${status} ${text}`,
        });
    });
  }

  /** The state of each counter is the fold of the increments that its handlers saw. */
  async #checkCounters(ingressUrl: string, signal: AbortSignal): Promise<void> {
    for (const [counter, last] of this.seen.checkCounters()) {
      const { status, text } = await patiently(() =>
        post(`${ingressUrl}/counter/${counter}/add`, { body: "check", signal }),
      );
      if (status !== 200 || Number(text) !== last + 1)
        this.report({
          kind: "wrong",
          text: `counter ${counter} stood at ${last}; one more made it ${status} ${text}`,
        });
    }
    this.seen.readNew();
  }

  #checkOrder(ended: readonly Accepted[]): void {
    for (const { id, path, client } of ended) {
      const outcome = this.outcomes.get(id);
      if (!path.startsWith("counter/") || outcome === undefined) continue;
      const value = Number(outcome);
      if (this.seen.countOf(id) !== value)
        this.report({
          kind: "wrong",
          text: `${path} ${id} ended with ${outcome}; its handler counted ${this.seen.countOf(id)}`,
        });
      const lane = `${client} ${path}`;
      const before = this.#lastOfClient.get(lane) ?? 0;
      if (value <= before)
        this.report({
          kind: "wrong",
          text: `${path}: a later send of ${client} got ${value}, an earlier one ${before}`,
        });
      this.#lastOfClient.set(lane, value);
    }
  }
}

/** Waiting for an outcome may be refused under load; it is asked again then. No answer at all has the status 0. */
async function patiently(ask: () => Promise<Answer>): Promise<Answer> {
  for (;;) {
    try {
      const answer = await ask();
      if (answer.status !== 429 && answer.status !== 503) return answer;
    } catch (error) {
      return { status: 0, text: `no answer: ${String(error)}` };
    }
    await wait(REFUSED_PAUSE_MS);
  }
}
