/**
 * What leaves the engine must follow from what is durable: LOG-4, in the order of the journal: INV-10, and never from a life
 * that is over: LOG-9.
 *
 * Every durable record allows the acts that are its effects, each once. Records that a recovery found allow none: whoever
 * proposed them is gone.
 */
import type { JournalEntry } from "@holdfast/engine";
import { describeEntry } from "@holdfast/engine/testing";

import type { DurableFold, Step } from "./durable-fold.ts";
import { isSameEntry } from "./entries.ts";
import type { LogShadow } from "./log-shadow.ts";
import type { Judge, Monitor } from "./monitor.ts";
import type { EventOf, WorldEvent } from "./world-event.ts";

type Told = { readonly entry: JournalEntry } | { readonly completionId: number };

/** What one attempt may be sent. */
type Allowance = {
  start:
    | { readonly deployment: string; readonly knownEntries: number; readonly position: number }
    | undefined;
  /** In the order in which it is to be sent. */
  readonly ahead: Told[];
};

const RESULT_VERBS = new Set(["call", "attach", "output"]);
const SUBMIT_VERBS = new Set(["call", "send"]);

export class ActMonitor implements Monitor {
  readonly ids = ["LOG-4", "LOG-9", "INV-10"];
  readonly #judge: Judge;
  readonly #fold: DurableFold;
  readonly #log: LogShadow;
  readonly #allowances = new Map<string, Allowance>();
  readonly #verbs = new Map<number, string>();

  constructor(judge: Judge, fold: DurableFold, log: LogShadow) {
    this.#judge = judge;
    this.#fold = fold;
    this.#log = log;
  }

  follow({ isLive, effects, position, created }: Step): void {
    if (!isLive) return;
    for (const { id } of created) this.#forget(id);
    for (const effect of effects) {
      if (effect.kind === "start-attempt") {
        const { deployment = "", start } = effect;
        this.#allowance(effect).start = { deployment, knownEntries: start.knownEntries, position };
      } else if (effect.kind === "deliver") {
        this.#allowance(effect).ahead.push({ entry: effect.entry });
      } else if (effect.kind === "ack-run") {
        this.#allowance(effect).ahead.push({ completionId: effect.completionId });
      }
    }
  }

  /** The id of one that is gone may come again, and what was left over for that one is not for this. */
  #forget(id: string): void {
    for (const name of this.#allowances.keys()) if (name.startsWith(`${id}#`)) this.#allowances.delete(name);
  }

  #allowance({ id, attempt }: { readonly id: string; readonly attempt: number }): Allowance {
    const name = `${id}#${attempt}`;
    let known = this.#allowances.get(name);
    if (known === undefined) {
      known = { start: undefined, ahead: [] };
      this.#allowances.set(name, known);
    }
    return known;
  }

  observe(event: WorldEvent): void {
    switch (event.kind) {
      case "recovered":
        this.#allowances.clear();
        return;
      case "attempt-started":
        this.#checkLife(event);
        this.#checkStart(event);
        return;
      case "delivered":
        this.#checkLife(event);
        this.#checkTold(event, { entry: event.entry });
        return;
      case "run-acked":
        this.#checkLife(event);
        this.#checkTold(event, { completionId: event.completionId });
        return;
      case "client-sent":
        this.#verbs.set(event.operation, event.verb);
        return;
      case "client-told":
        this.#checkClient(event);
        return;
      default:
    }
  }

  #checkLife({ kind, life, invocation }: EventOf<"attempt-started" | "delivered" | "run-acked">): void {
    this.#judge.holds(
      "LOG-9",
      life === this.#log.life,
      () => `${kind} of ${invocation} by life ${life}, and life ${this.#log.life} has begun`,
    );
  }

  #checkStart({ invocation, attempt, knownEntries }: EventOf<"attempt-started">): void {
    const allowance = this.#allowances.get(`${invocation}#${attempt}`);
    const start = allowance?.start;
    this.#judge.holds(
      "LOG-4",
      start !== undefined && start.knownEntries === knownEntries,
      () =>
        `attempt ${attempt} of ${invocation} started with ${knownEntries} entries; ${start === undefined ? "no durable record starts it" : `position ${start.position} starts it with ${start.knownEntries}`} (durable up to ${this.#log.durableTo})`,
    );
    if (allowance !== undefined) allowance.start = undefined;
    this.#allowances.delete(`${invocation}#${attempt - 1}`);
  }

  #checkTold({ invocation, attempt }: EventOf<"delivered" | "run-acked">, told: Told): void {
    const ahead = this.#allowances.get(`${invocation}#${attempt}`)?.ahead ?? [];
    const place = ahead.findIndex((each) => isSameTold(each, told));
    const what = (): string => `attempt ${attempt} of ${invocation} was told ${describeTold(told)}`;
    this.#judge.holds(
      "LOG-4",
      place >= 0,
      () => `${what()}, which no durable record asks for (durable up to ${this.#log.durableTo})`,
    );
    this.#judge.holds(
      "INV-10",
      place === 0,
      () => `${what()} before ${ahead.slice(0, place).map(describeTold).join(", ")}`,
    );
    ahead.shift();
  }

  #checkClient({ operation, outcome, invocation, status }: EventOf<"client-told">): void {
    const verb = this.#verbs.get(operation) ?? "";
    this.#verbs.delete(operation);
    if (invocation === undefined || (outcome !== "ok" && outcome !== "failed")) return;
    const account = this.#fold.account(invocation);
    if (SUBMIT_VERBS.has(verb)) {
      this.#judge.holds(
        "LOG-4",
        account !== undefined,
        () =>
          `operation ${operation} (${verb}) was told ${status}, and no durable record creates ${invocation}`,
      );
    }
    if (RESULT_VERBS.has(verb)) {
      this.#judge.holds(
        "LOG-4",
        account?.outcome !== undefined,
        () =>
          `operation ${operation} (${verb}) was told the outcome of ${invocation}, which no durable record holds`,
      );
    }
  }
}

function isSameTold(a: Told, b: Told): boolean {
  if ("entry" in a) return "entry" in b && isSameEntry(a.entry, b.entry);
  return "completionId" in b && a.completionId === b.completionId;
}

function describeTold(told: Told): string {
  return "entry" in told ? describeEntry(told.entry) : `the result of step ${told.completionId}`;
}
