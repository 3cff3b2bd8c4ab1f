/** An invocation from its submission to its removal: INV-1, INV-2, INV-3, INV-11. */
import { describeResult } from "@holdfast/engine/testing";
import { decodeMessage, MessageType, type Result } from "@holdfast/protocol";

import type { Account, DurableFold, Step } from "./durable-fold.ts";
import { endOf, isSameBytes, messageOf, notificationOf } from "./entries.ts";
import type { Judge, Monitor, RestFacts } from "./monitor.ts";
import type { EventOf, WorldEvent } from "./world-event.ts";

const SUBMIT_VERBS = new Set(["call", "send"]);
const RESULT_VERBS = new Set(["call", "attach", "output"]);

type Sent = Pick<EventOf<"client-sent">, "verb" | "idempotencyKey">;
/** What the first client was told of an outcome. */
type ToldOutcome = { readonly account: Account; readonly outcome: string; readonly body: string };

export class OutcomeMonitor implements Monitor {
  readonly ids = ["INV-1", "INV-2", "INV-3", "INV-11"];
  readonly #judge: Judge;
  readonly #fold: DurableFold;
  readonly #sent = new Map<number, Sent>();
  /** Invocations that a client was told are accepted. */
  readonly #accepted = new Set<string>();
  readonly #told = new Map<string, ToldOutcome>();
  /** The invocation that an idempotency key stands for, by target and key: as created, and as clients were told. */
  readonly #byKey = new Map<string, Account>();
  readonly #toldByKey = new Map<string, Account>();
  /** Until when the outcome must be kept. Epoch milliseconds. */
  readonly #keptUntil = new Map<Account, number>();

  constructor(judge: Judge, fold: DurableFold) {
    this.#judge = judge;
    this.#fold = fold;
  }

  follow(step: Step): void {
    for (const account of step.created) this.#create(account);
    this.#checkSameRequest(step);
    for (const effect of step.effects) {
      if (effect.kind === "completed") this.#complete(effect.id, effect.result, step);
    }
    for (const { account, entry } of step.appended) {
      const notification = notificationOf(entry);
      if (notification === undefined) continue;
      const isOfCallee =
        notification.type === MessageType.CallCompletion ||
        notification.type === MessageType.AttachInvocationCompletion;
      const callee = isOfCallee ? this.#fold.account(entry.cause)?.outcome : undefined;
      // Read late, it may be of an invocation that is gone and whose id has come again.
      if (callee === undefined || entry.attempt === 0 || callee.at > entry.at) continue;
      const seen = describeResult(notification.result);
      this.#judge.holds(
        "INV-2",
        seen === describeResult(callee.result),
        () =>
          `${account.id} was told ${seen} of ${entry.cause}, whose outcome is ${describeResult(callee.result)}`,
      );
    }
    for (const account of step.removed) this.#remove(account, step);
  }

  #create(account: Account): void {
    const { idempotencyKey, id } = account;
    if (idempotencyKey === undefined) return;
    const key = keyOf(account, idempotencyKey);
    const known = this.#byKey.get(key);
    this.#judge.holds(
      "INV-3",
      known === undefined || known.isRemoved || known === account,
      () => `the idempotency key ${key} stands for ${known?.id}, and created ${id}`,
    );
    this.#byKey.set(key, account);
  }

  /** A key stands for one request: whoever uses it for another does not get the first one's outcome. */
  #checkSameRequest({ record: { body }, outcome }: Step): void {
    if (body.kind !== "invoke" || body.idempotencyKey === undefined || !outcome.ok) return;
    const { id = "", existed } = outcome.detail ?? {};
    const [first] = this.#fold.account(id)?.entries ?? [];
    if (existed !== true || first?.type !== MessageType.Input) return;
    this.#judge.holds(
      "INV-3",
      isSameBytes(inputOf(first.body), inputOf(body.input)),
      () => `the idempotency key of ${id} was used with another input, and accepted`,
    );
  }

  /** What the handler returned, or failed with, is the outcome. */
  #checkOutput({ id, entries }: Account, result: Result, { record: { body } }: Step): void {
    if (body.kind !== "attempt-messages" || body.id !== id) return;
    const last = entries.findLast(({ type }) => type === MessageType.Output);
    const output = last === undefined ? undefined : messageOf(last);
    if (output?.type !== MessageType.Output || endOf(body)?.type !== MessageType.End) return;
    this.#judge.holds(
      "INV-2",
      describeResult(output.result) === describeResult(result) || output.result.kind === "void",
      () => `${id} returned ${describeResult(output.result)}, and its outcome is ${describeResult(result)}`,
    );
  }

  #complete(id: string, result: Result, step: Step): void {
    const { now } = step;
    const account = this.#fold.account(id);
    if (account === undefined) return;
    this.#checkOutput(account, result, step);
    const first = account.outcome;
    this.#judge.holds(
      "INV-2",
      first === undefined || first.result === result,
      () =>
        `${id} ended with ${first === undefined ? "" : describeResult(first.result)}, and again with ${describeResult(result)}`,
    );
    const { target, idempotencyKey } = account;
    const row = this.#fold.tables.invocations.get(id);
    const settings = this.#fold.tables.handlerSettings(row?.deployment, target.service, target.handler);
    const keptMs =
      target.kind === "run"
        ? settings.workflowRetentionMs
        : idempotencyKey === undefined
          ? settings.journalRetentionMs
          : settings.idempotencyRetentionMs;
    this.#keptUntil.set(account, now + keptMs);
  }

  /** A purge asks for it, and the disk budget may; but what a key still stands for is not removed for room. */
  #remove(account: Account, { now, record: { body } }: Step): void {
    const keptUntil = this.#keptUntil.get(account);
    this.#keptUntil.delete(account);
    this.#judge.holds(
      "INV-1",
      account.outcome !== undefined,
      () => `${account.id} is gone by ${body.kind}, and had no outcome`,
    );
    if (body.kind !== "expire" || keptUntil === undefined) return;
    const isNamed = account.idempotencyKey !== undefined || account.target.kind === "run";
    if (body.budget && !isNamed) return;
    this.#judge.holds(
      "INV-11",
      now >= keptUntil,
      () => `${account.id} was removed at ${now}, and is to be kept until ${keptUntil}`,
    );
  }

  observe(event: WorldEvent): void {
    if (event.kind === "client-sent") {
      const { verb, idempotencyKey } = event;
      this.#sent.set(event.operation, { verb, idempotencyKey });
    } else if (event.kind === "client-told") {
      const sent = this.#sent.get(event.operation);
      this.#sent.delete(event.operation);
      if (sent !== undefined && event.outcome !== "unknown") this.#hear(event, sent);
    }
  }

  #hear({ invocation, outcome, body }: EventOf<"client-told">, { verb, idempotencyKey }: Sent): void {
    const account = invocation === undefined ? undefined : this.#fold.account(invocation);
    if (account === undefined || outcome === "refused") return;
    if (SUBMIT_VERBS.has(verb)) {
      this.#accepted.add(account.id);
      if (idempotencyKey !== undefined) this.#hearOfKey(account, idempotencyKey);
    }
    if (RESULT_VERBS.has(verb)) this.#hearOutcome(account, outcome, body);
  }

  #hearOfKey(account: Account, idempotencyKey: string): void {
    const key = keyOf(account, idempotencyKey);
    const known = this.#toldByKey.get(key);
    this.#judge.holds(
      "INV-3",
      known === undefined || known.isRemoved || known === account,
      () => `clients were told that the idempotency key ${key} stands for ${known?.id} and for ${account.id}`,
    );
    this.#toldByKey.set(key, account);
  }

  /** What is recorded is what everybody is told. */
  #hearOutcome(account: Account, outcome: string, body: string): void {
    const recorded = account.outcome?.result;
    if (recorded === undefined) return;
    const isFailure = recorded.kind === "failure";
    this.#judge.holds(
      "INV-2",
      isFailure === (outcome === "failed"),
      () =>
        `a client was told that ${account.id} is ${outcome}: ${body}, and its outcome is ${describeResult(recorded)}`,
    );
    if (recorded.kind === "value") {
      const value = new TextDecoder().decode(recorded.value);
      this.#judge.holds(
        "INV-2",
        value === body,
        () => `a client was told ${body} of ${account.id}, whose outcome is ${value}`,
      );
    }
    const first = this.#told.get(account.id);
    if (first?.account !== account) {
      this.#told.set(account.id, { account, outcome, body });
      return;
    }
    this.#judge.holds(
      "INV-2",
      first.body === body,
      () => `one client was told ${first.body} of ${account.id}, and another ${body}`,
    );
  }

  atRest(facts: RestFacts): void {
    for (const id of this.#accepted) this.#checkEnded(id, facts);
    for (const [id, row] of facts.tables.invocations.all()) {
      this.#checkEnded(id, facts);
      if (row.status !== "completed") continue;
      this.#judge.holds(
        "INV-11",
        row.expiresAt === 0 || row.expiresAt + facts.retentionSlackMs >= facts.now,
        () => `${id} was to be removed at ${row.expiresAt}, and is there at ${facts.now}`,
      );
    }
  }

  /** It has its outcome, or waits for what only somebody else can bring: time, a person, a signal, a promise, another one. */
  #checkEnded(id: string, { tables }: RestFacts): void {
    const account = this.#fold.account(id);
    if (account?.outcome !== undefined) return;
    const row = tables.invocations.get(id);
    this.#judge.holds(
      "INV-1",
      row !== undefined &&
        row.status !== "running" &&
        (row.status !== "completed" || row.result !== undefined),
      () =>
        `${id} was accepted, nothing goes on any more, and it is ${row === undefined ? "gone" : row.status} without an outcome`,
    );
  }
}

function inputOf(body: Uint8Array): Uint8Array {
  const input = decodeMessage(MessageType.Input, body);
  return input.type === MessageType.Input ? input.value : body;
}

function keyOf({ target }: Account, idempotencyKey: string): string {
  return JSON.stringify([target.service, target.handler, target.key, idempotencyKey]);
}
