/**
 * Histories nobody thought of: callers, handlers, operators, time, checkpoints and restarts in any order, made from a list
 * of numbers, so that a property test can make them, repeat them and shrink them.
 */
import { ErrorBehavior, type InvocationTarget } from "@holdfast/protocol";

import { assert } from "../assert.ts";
import type { Invocation } from "../tables/rows.ts";
import type { Attempt } from "./attempt.ts";
import { object, service, workflow } from "./handlers.ts";
import { World, type WorldOptions } from "./world.ts";

const SERVICES = [
  service("mail", ["send", "list"]),
  object("cart", ["add", "shared show"]),
  object("lazy", ["add"], { lazyState: true }),
  workflow("flow", ["ask"], { workflowRetentionMs: 2_000 }),
];
const KEYS = ["ada", "bob"];
const WORDS = ["x", "y"];
/** No record makes more invocations than this has place for. */
const INVOCATIONS_MAX = 25;
const DAY_MS = 86_400_000;

/** Makes a history of one step for each number or so, and checks what can be checked at its end. */
export function playHistory(numbers: readonly number[], options: WorldOptions = {}): World {
  const world = new World({
    ...options,
    historic: true,
    settings: {
      journalRetentionMs: 1_000,
      idempotencyRetentionMs: 5_000,
      journalEntriesMax: 40,
      inboxMax: 4,
      stateValueBytesMax: 20,
      stateBytesMax: 40,
      retryPolicy: {
        initialIntervalMs: 10,
        factor: 3,
        maxIntervalMs: 500,
        maxAttempts: 4,
        onMaxAttempts: "pause",
      },
    },
    services: SERVICES,
  });
  const history = new RandomHistory(world, numbers);
  while (!history.isOver) history.step();
  history.settle();
  return world;
}

class RandomHistory {
  readonly #world: World;
  /** Failures that each attempt has reported of each step; what is in a batch is not in the tables yet. */
  readonly #reported = new Map<string, number>();
  readonly #numbers: readonly number[];
  #at = 0;
  #deployments = 1;

  constructor(world: World, numbers: readonly number[]) {
    this.#world = world;
    this.#numbers = numbers;
  }

  get isOver(): boolean {
    return this.#at >= this.#numbers.length;
  }

  // -- choices ---------------------------------------------------------------------------------------------------------

  /** 0 <= n < `limit`; 0 when the numbers have run out, which is why the simplest choice always comes first. */
  #below(limit: number): number {
    const number = this.#numbers[this.#at] ?? 0;
    this.#at += 1;
    return number % limit;
  }

  #oneOf<T>(choices: readonly T[]): T {
    return choices[this.#below(choices.length)] as T;
  }

  #rows(wanted: (row: Readonly<Invocation>) => boolean = () => true): Array<Readonly<Invocation>> {
    const rows = [...this.#world.tables.invocations.all()].map(([, row]) => row);
    return rows.filter(wanted).sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  #anyId(): string {
    const rows = this.#rows();
    return rows.length === 0 ? "nobody" : this.#oneOf(rows).id;
  }

  /** Callers outside see to it that an invocation's id says what it is of. */
  #address(): string {
    const key = this.#oneOf(KEYS);
    return this.#oneOf([
      "mail/send",
      `cart/${key}/add`,
      `cart/${key}/add`,
      `cart/${key}/show`,
      `lazy/${key}/add`,
      `flow/${key}/run`,
      `flow/${key}/ask`,
    ]);
  }

  // -- steps -----------------------------------------------------------------------------------------------------------

  step(): void {
    const kind = this.#below(48);
    if (kind < 26) this.#attempt();
    else if (kind < 31) this.#invoke();
    else if (kind < 35) this.#world.advance(this.#oneOf([10, 0, 100, 1_000, DAY_MS]));
    else if (kind < 38) this.#outside();
    else if (kind < 41) this.#operator();
    else if (kind < 45) this.#checkpoint();
    else if (kind < 47) this.#maintain();
    else this.#restart();
  }

  #invoke(): void {
    if (this.#rows().length >= INVOCATIONS_MAX) return;
    const idempotencyKey = this.#oneOf([undefined, undefined, "k1", "k2"]);
    const address = this.#address();
    const isDerived = idempotencyKey !== undefined || address.endsWith("/run");
    this.#world.tryInvoke(address, {
      ...(isDerived ? {} : { as: `${address}-${this.#at}` }),
      input: this.#oneOf(WORDS),
      delayMs: this.#oneOf([0, 0, 50, 2_000]),
      ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
    });
  }

  #outside(): void {
    const world = this.#world;
    const result = { kind: "value", value: Uint8Array.of(this.#below(3)) } as const;
    if (this.#below(3) < 2) world.signal(this.#anyId(), this.#oneOf([17, 18, "n", 1, 0]), this.#oneOf(WORDS));
    else {
      world.apply({
        kind: "complete-promise",
        service: "flow",
        key: this.#oneOf(KEYS),
        name: this.#oneOf(WORDS),
        result,
      });
    }
  }

  #operator(): void {
    const id = this.#anyId();
    const deployment = this.#oneOf([undefined, "dp1", `d${this.#deployments}`]);
    const world = this.#world;
    switch (this.#below(9)) {
      case 0:
        world.apply({ kind: "cancel", id });
        return;
      case 1:
        world.apply({ kind: "kill", id });
        return;
      case 2:
        world.apply({ kind: "pause", id });
        return;
      case 3:
      case 4:
        world.apply({ kind: "resume", id, deployment });
        return;
      case 5: {
        const newId = `${id.slice(0, 14)}~${this.#at}`;
        world.apply({ kind: "restart", id, newId, fromCommand: this.#below(4), deployment });
        world.continueCompletionIds(newId, id);
        return;
      }
      case 6:
        world.apply({ kind: "purge", id, journalOnly: this.#below(2) === 1 });
        return;
      case 7:
        world.apply({ kind: "reschedule", id, startAt: this.#oneOf([0, world.now + 100]) });
        return;
      default:
        if (world.tables.invocations.get(id) !== undefined) {
          world.lose(id, { counted: this.#below(2) === 1, pause: this.#below(4) === 3 });
        }
    }
  }

  #maintain(): void {
    const world = this.#world;
    switch (this.#below(6)) {
      case 0: {
        const ids = this.#rows().map(({ id }) => id);
        world.apply({ kind: "expire", ids, budget: this.#below(3) === 2 });
        return;
      }
      case 1:
      case 2: {
        const entries = [[this.#oneOf(WORDS), Uint8Array.of(this.#below(9))]] as const;
        const service = this.#oneOf(["cart", "lazy", "flow"]);
        const key = this.#oneOf(KEYS);
        world.apply({ kind: "patch-state", service, key, expectedVersion: this.#oneOf([-1, 1]), entries });
        return;
      }
      case 3:
        this.#deployments += 1;
        world.register(SERVICES, { id: `d${this.#deployments}` });
        return;
      case 4: {
        const service = this.#oneOf(["cart", "flow", "mail"]);
        const options = {
          journalRetentionMs: (1 + this.#below(3)) * 1_000,
          ingressPrivate: this.#below(2) === 1,
        };
        world.apply({ kind: "configure-service", service, options });
        return;
      }
      default: {
        const id = `d${Math.max(2, this.#deployments - 1)}`;
        world.apply({ kind: "remove-deployment", id, force: this.#below(2) === 1 });
      }
    }
  }

  #checkpoint(): void {
    const world = this.#world;
    if (!world.isCheckpointing) world.beginCheckpoint();
    else if (this.#below(3) < 2) world.encodeSlice(1 + this.#below(4));
    else {
      world.commitCheckpoint();
      if (this.#below(4) === 3) this.#restart();
      else world.thaw();
    }
  }

  #restart(): void {
    this.#world.restart();
    // As the engine does. Not doing it at once is what a message from the time before looks like.
    if (this.#below(2) === 0) return;
    for (const { id } of this.#rows(({ status }) => status === "running")) this.#world.lose(id);
  }

  // -- handlers --------------------------------------------------------------------------------------------------------

  #attempt(): void {
    const running = this.#rows(({ status }) => status === "running");
    if (running.length === 0) return;
    const row = this.#oneOf(running);
    const isStale = this.#below(24) === 23;
    const attempt = isStale ? this.#world.attempt(row.id, row.attempt - 1) : this.#world.attempt(row.id);
    attempt.batch(() => {
      for (let left = this.#below(3); left >= 0; left--) this.#message(attempt);
    });
  }

  /** What a handler may send; and at times what it may not. */
  #message(attempt: Attempt): void {
    const kind = this.#below(40);
    if (kind < 16) this.#wait(attempt);
    else if (kind < 24) this.#suspend(attempt);
    else if (kind < 31) this.#act(attempt);
    else if (kind < 35) this.#state(attempt);
    else if (kind < 37) this.#fail(attempt);
    else attempt.return(this.#oneOf([...WORDS, { code: 500, message: "no" }]));
  }

  #open(attempt: Attempt): Array<readonly [number, string]> {
    const open = this.#world.tables.invocations.get(attempt.id)?.open;
    return open === undefined
      ? []
      : [...open].map(([completionId, { kind }]) => [completionId, kind] as const);
  }

  #suspend(attempt: Attempt): void {
    const open = this.#open(attempt).filter(([, kind]) => kind !== "run");
    const completions = open.map(([completionId]) => completionId).filter(() => this.#below(4) < 3);
    if (completions.length === 0) completions.push(attempt.sleep(this.#oneOf([50, 400])));
    // Now and then it waits for what it has.
    if (this.#below(12) === 11) completions.push(1);
    const signals = this.#oneOf([[1], [], [17], [1, 18]]);
    const consumed = this.#world.tables.invocations.get(attempt.id)?.namedSignals.get("n") ?? 0;
    const namedSignals = this.#below(3) === 2 ? ([["n", consumed]] as const) : [];
    attempt.suspend(completions, { signals, namedSignals });
  }

  #wait(attempt: Attempt): void {
    const hasRoom = this.#rows().length < INVOCATIONS_MAX;
    const kind = this.#below(hasRoom ? 8 : 6);
    const idempotencyKey = this.#oneOf([undefined, "k1"]);
    const options = idempotencyKey === undefined ? {} : { idempotencyKey };
    if (kind === 0) attempt.sleep(this.#oneOf([20, 0, 500]));
    else if (kind === 1) this.#propose(attempt);
    else if (kind === 2) attempt.propose(attempt.run("step"), this.#oneOf(WORDS));
    else if (kind === 3 && attempt.id.includes("flow")) attempt.promise(this.#oneOf(WORDS));
    else if (kind === 4) attempt.attach(this.#target());
    else if (kind < 6) attempt.run("step");
    else attempt.call(this.#address(), options);
  }

  #propose(attempt: Attempt): void {
    const runs = this.#open(attempt).filter(([, kind]) => kind === "run");
    if (runs.length === 0 && this.#below(12) < 11) return;
    const [completionId] = runs.length === 0 ? [1] : this.#oneOf(runs);
    if (this.#below(4) === 3) this.#failStep(attempt, completionId);
    else attempt.propose(completionId, this.#oneOf(WORDS));
  }

  /** A handler that reports less than it reported before, or than was recorded, lies. */
  #failStep(attempt: Attempt, completionId: number): void {
    const step = this.#world.tables.invocations.get(attempt.id)?.open.get(completionId);
    const place = `${attempt.id} ${attempt.number} ${completionId}`;
    const before = Math.max(step?.kind === "run" ? step.failures : 0, this.#reported.get(place) ?? 0);
    const failures = before + 1 + this.#below(3);
    this.#reported.set(place, failures);
    attempt.stepFailed(completionId, failures, 100);
  }

  #target(): string | InvocationTarget {
    if (this.#below(3) < 2) return this.#anyId();
    return { kind: "workflow", service: "flow", key: this.#oneOf(KEYS) };
  }

  #act(attempt: Attempt): void {
    const isWorkflow = attempt.id.includes("flow") || this.#below(20) === 19;
    switch (this.#below(isWorkflow ? 7 : 5)) {
      case 0:
        if (this.#rows().length < INVOCATIONS_MAX) {
          const delayMs = this.#oneOf([0, 300]);
          attempt.sendTo(this.#address(), delayMs === 0 ? {} : { delayMs });
        }
        return;
      case 1:
        attempt.output(this.#target());
        return;
      case 2:
        attempt.signal(this.#anyId(), this.#oneOf([17, 18, "n"]), this.#oneOf(WORDS));
        return;
      case 3:
        if (this.#below(3) === 2) attempt.cancel(this.#anyId());
        return;
      case 4:
        attempt.reschedule(this.#anyId(), this.#oneOf([0, 40]));
        return;
      case 5:
        attempt.resolve(this.#oneOf(WORDS), this.#oneOf(WORDS));
        return;
      default:
        attempt.peek(this.#oneOf(WORDS));
    }
  }

  #state(attempt: Attempt): void {
    const kind = this.#below(5);
    if (!/cart|lazy|flow/.test(attempt.id) && this.#below(10) < 9) attempt.getLazy("a");
    else if (kind < 2) attempt.set(this.#oneOf(["a", "b", "c"]), "v".repeat(this.#below(24)));
    else if (kind === 2) attempt.clear(this.#oneOf(["a", "b"]));
    else if (kind === 3) attempt.clearAll();
    else attempt.getLazyKeys();
  }

  #fail(attempt: Attempt): void {
    const kind = this.#below(8);
    if (kind === 7) attempt.end();
    else if (kind === 6) attempt.outputValue("early");
    else {
      const behavior = this.#oneOf([
        ErrorBehavior.Retry,
        ErrorBehavior.Retry,
        ErrorBehavior.Pause,
        ErrorBehavior.Fail,
      ]);
      const nextRetryDelayMs = this.#oneOf([undefined, undefined, 0, 70]);
      attempt.error("no", { behavior, ...(nextRetryDelayMs === undefined ? {} : { nextRetryDelayMs }) });
    }
  }

  // -- the end ---------------------------------------------------------------------------------------------------------

  /** Lets everything come to its end, and looks whether it does, and whether anything is left behind. */
  settle(): void {
    const world = this.#world;
    if (world.isCheckpointing) {
      world.commitCheckpoint();
      world.thaw();
    }
    for (let round = 0; this.#rows(isLive).length > 0; round++) {
      assert(
        round < 200,
        `these never end: ${this.#rows(isLive)
          .map(({ id, status }) => `${id} ${status}`)
          .join()}`,
      );
      for (const { id, status } of this.#rows(isLive)) {
        if (status === "running") world.attempt(id).return("at last");
        else if (status === "paused" || status === "suspended")
          world.apply({ kind: "resume", id, deployment: undefined });
      }
      world.advance(10_000);
    }
    for (const [key, row] of world.tables.objects.all()) {
      assert(row.holder === undefined && row.inboxLength === 0, `${key} is still locked by ${row.holder}`);
    }
    assert([...world.tables.inbox.all()].length === 0, "an inbox is not empty");
    assert([...world.tables.timers.all()].length === 0, "a timer is left");
    world.restart();
    world.replayAll();
    world.checkStore();
  }
}

function isLive({ status }: Readonly<Invocation>): boolean {
  return status !== "completed";
}
