/** Waits for somebody else: awakeables, signals and promises of workflows, and whoever settles them. */
import { TerminalError, type Wait } from "@holdfast/sdk";

import {
  isBroken,
  OWN_KEY,
  type AwakeableNode,
  type Given,
  type Node,
  type Program,
  type PromiseTouchNode,
  type PromiseWaitNode,
  type SendSignalNode,
  type SettleAwakeableNode,
  type SignalNode,
  type Target,
} from "./program.ts";
import { addressOf, duration, ledgerStep, needed, withGiven, type Scope } from "./scope.ts";

export const AWAKENED = "awakened";
export const TIMED_OUT = "timed out";
/** What rejected awakeables and promises fail with. */
export const REJECTED = "rejected by another";

export async function interpretAwakeable(scope: Scope, node: AwakeableNode, place: string): Promise<unknown> {
  const { ctx } = scope;
  const { id, promise } = ctx.awakeable<string>();
  const outcome =
    node.timeoutMs === 0
      ? promise
      : Promise.race([promise, ctx.sleep(duration(node.timeoutMs), `limit ${place}`).then(() => TIMED_OUT)]);
  // It may fail while others are still being asked to settle it, and nobody awaits it yet.
  const [ended, asked] = await Promise.allSettled([outcome, settleAwakeable(scope, node, id, place)]);
  if (ended.status === "rejected") throw ended.reason;
  if (asked.status === "rejected") throw asked.reason;
  return ended.value;
}

async function settleAwakeable(scope: Scope, node: AwakeableNode, id: string, place: string): Promise<void> {
  const { reject } = node;
  switch (node.by) {
    case "nobody":
      return;
    case "self":
      complete(scope, id, reject);
      return;
    case "outside":
      await handOver(scope, place, () => scope.host.handOver({ kind: "awakeable", id, reject }));
      return;
    case "sent":
    case "called":
      await pass(scope, node.by, { kind: "settle-awakeable", reject }, { awakeable: id }, place);
  }
}

function complete({ ctx }: Scope, id: string, reject: boolean): void {
  if (reject) ctx.rejectAwakeable(id, REJECTED);
  else ctx.resolveAwakeable(id, AWAKENED);
}

/** What a wait gives does not depend on whether settling it was told to be done: an outside client may not answer. */
async function handOver(scope: Scope, place: string, ask: () => void): Promise<void> {
  const name = `hand over ${place}`;
  await scope.ctx.run(name, ledgerStep(scope, name, ask));
}

/** Has another program do it that only does this, and holds no lock: whoever waits for it may hold some. */
async function pass(
  scope: Scope,
  by: "sent" | "called",
  node: Node,
  given: Given,
  place: string,
): Promise<void> {
  const program: Program = withGiven({ target: { service: "plain" }, body: [node] }, given);
  await ask(scope, by, program, place);
}

async function ask(scope: Scope, by: "sent" | "called", program: Program, place: string): Promise<void> {
  const { ref, key } = addressOf(scope, program.target, place);
  if (by === "called") await scope.ctx.call(ref, ...key, program);
  else await scope.ctx.send(ref, ...key, program);
}

export function interpretSettleAwakeable(scope: Scope, { reject }: SettleAwakeableNode): string {
  complete(scope, scope.given.awakeable ?? "", reject);
  return "settled";
}

export async function interpretSignal(scope: Scope, node: SignalNode, place: string): Promise<unknown[]> {
  const { ctx } = scope;
  // The place makes it this wait's own: two waits for one name would take each other's values.
  const signal = { invocation: ctx.invocationId, name: `signal ${place}` };
  if (node.by === "self") sendSignals(scope, signal, node.times);
  else if (node.by !== "nobody")
    await pass(scope, node.by, { kind: "send-signal", times: node.times }, { signal }, place);
  const values: unknown[] = [];
  for (let round = 0; round < node.times; round++) {
    if (node.timeoutMs === 0) values.push(await ctx.signal<number>(signal.name));
    else values.push(valueOf(await ctx.signal<number>(signal.name, { timeout: duration(node.timeoutMs) })));
  }
  return values;
}

function valueOf(wait: Wait<unknown>): unknown {
  if (wait.ok) return wait.value;
  if (wait.reason === "timeout") return TIMED_OUT;
  throw new TerminalError(wait.error.message);
}

/** The values are numbered, so that their order shows. */
function sendSignals({ ctx }: Scope, signal: NonNullable<Given["signal"]>, times: number): void {
  for (let round = 0; round < times; round++) ctx.sendSignal(signal.invocation, signal.name, round);
}

export function interpretSendSignal(scope: Scope, { times }: SendSignalNode): string {
  const { signal } = scope.given;
  if (signal !== undefined) sendSignals(scope, signal, times);
  return "signalled";
}

export async function interpretPromiseWait(
  scope: Scope,
  node: PromiseWaitNode,
  place: string,
): Promise<unknown> {
  await settlePromiseBy(scope, node, place);
  const promise = needed(scope, "promise")(node.name);
  if (node.how === "await") return await promise;
  return valueOf(await promise.get(node.timeoutMs === 0 ? {} : { timeout: duration(node.timeoutMs) }));
}

async function settlePromiseBy(scope: Scope, { by, name }: PromiseWaitNode, place: string): Promise<void> {
  switch (by) {
    case "nobody":
      return;
    case "self":
      await settle(scope, name);
      return;
    case "outside": {
      const what = { kind: "promise", key: scope.ctx.key, name, reject: isBroken(name) } as const;
      await handOver(scope, place, () => scope.host.handOver(what));
      return;
    }
    case "sent":
    case "called": {
      const target: Target = { service: "flow", key: OWN_KEY, handler: "aside" };
      await ask(scope, by, { target, body: [{ kind: "promise-touch", name, touch: "settle" }] }, place);
    }
  }
}

async function settle(scope: Scope, name: string): Promise<boolean> {
  const promise = needed(scope, "promise")(name);
  const { first } = isBroken(name) ? await promise.reject(REJECTED) : await promise.resolve(name);
  return first;
}

export async function interpretPromiseTouch(scope: Scope, node: PromiseTouchNode): Promise<unknown> {
  if (node.touch === "settle") return (await settle(scope, node.name)) ? "first" : "late";
  const seen = await needed(scope, "promise")(node.name).peek();
  return seen.ok ? seen.value : seen.reason;
}
