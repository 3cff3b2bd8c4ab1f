/** What the tests of semantics have in common: looking at invocations, asking as an operator does, and gates in handlers. */
import assert from "node:assert/strict";

import type { Invocation, OutcomeDetail, RecordBody } from "@holdfast/engine";
import { decodeMessage, type Message } from "@holdfast/protocol";
import { handler, service, type Context } from "@holdfast/sdk";

import { createTestEngine, type TestEngine } from "../testing.ts";
import type { VirtualClock } from "../virtual-clock.ts";

export const CANCELLED = { name: "InvocationFailedError", status: 409, message: /cancelled/i };

export function rowOf(engine: TestEngine, id: string): Readonly<Invocation> {
  const row = engine.engine.tables.invocations.get(id);
  assert.ok(row, `${id} is gone`);
  return row;
}

export function statusOf(engine: TestEngine, id: string): string {
  return engine.engine.tables.invocations.get(id)?.status ?? "gone";
}

/** The invocation's journal, decoded. */
export function journalOf(engine: TestEngine, id: string): Message[] {
  return engine.engine.tables
    .journal(rowOf(engine, id))
    .map((entry) => decodeMessage(entry.type, entry.body));
}

/** Asks the engine as admin and ingress do, and expects it to agree. */
export async function request(engine: TestEngine, body: RecordBody): Promise<OutcomeDetail> {
  const outcome = await engine.engine.propose(body);
  assert.ok(outcome.ok, JSON.stringify(outcome));
  return outcome.detail ?? {};
}

/** Expects the engine to refuse, and returns "code: message". */
export async function refusal(engine: TestEngine, body: RecordBody): Promise<string> {
  const outcome = await engine.engine.propose(body);
  assert.ok(!outcome.ok, `accepted: ${JSON.stringify(outcome)}`);
  return `${outcome.code}: ${outcome.message}`;
}

/** Lets the event loop come round until something holds; time does not pass. */
export async function until(holds: () => boolean, what = "a condition of the test"): Promise<void> {
  for (let turn = 0; turn < 2_000; turn++) {
    if (holds()) return;
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
  assert.fail(`${what} did not come about`);
}

/** A step waits here until the test opens it. */
export class Gate {
  readonly #promise: Promise<void>;
  readonly open: () => void;
  arrivals = 0;

  constructor() {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#promise = promise;
    this.open = resolve;
  }

  /** Waits for the gate, or rejects when `signal` aborts. */
  pass(signal?: AbortSignal): Promise<void> {
    this.arrivals += 1;
    if (signal === undefined) return this.#promise;
    return Promise.race([
      this.#promise,
      new Promise<never>((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason as Error));
      }),
    ]);
  }
}

/** An engine with one invocation whose handler belongs to the test. */
export type Started = {
  readonly engine: TestEngine;
  readonly id: string;
  readonly outcome: () => Promise<unknown>;
};

/** Sends one invocation whose handler is `body`, and lets happen what needs no time. */
export async function start(
  body: (ctx: Context, clock: VirtualClock) => unknown,
  options: Parameters<typeof handler>[0] = {},
): Promise<Started> {
  const clock: { current?: VirtualClock } = {};
  const go = async (ctx: Context): Promise<unknown> => body(ctx, clock.current as VirtualClock);
  const flow = service("flow", { go: handler(options, go) });
  const engine = await createTestEngine({ services: [flow] });
  clock.current = engine.clock;
  const handle = await engine.send(flow.go);
  await engine.settle();
  return { engine, id: handle.invocationId, outcome: () => handle.attach() };
}

/** What happened to it beside its journal: "<kind> <code> x<times>". */
export function eventsOf({ engine, id }: Started): string[] {
  return rowOf(engine, id).events.map(({ kind, code, count }) => `${kind} ${code} x${count}`);
}
