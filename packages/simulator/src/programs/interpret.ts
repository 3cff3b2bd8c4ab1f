/**
 * Interprets programs on the real context. What a program does and returns is a function of its journal: the host is asked
 * only within steps, and by nodes whose throw ends the attempt.
 */
import { PauseError, RetryableError, TerminalError } from "@holdfast/sdk";

import { interpretCall, interpretDeadlock, interpretForeign, interpretSend } from "./interpret-calls.ts";
import { increment, touchState } from "./interpret-state.ts";
import { interpretRun } from "./interpret-steps.ts";
import {
  interpretAwakeable,
  interpretPromiseTouch,
  interpretPromiseWait,
  interpretSendSignal,
  interpretSettleAwakeable,
  interpretSignal,
} from "./interpret-waits.ts";
import {
  type BranchesNode,
  type Node,
  type OverlapNode,
  type ReadNode,
  type SleepNode,
  type ThrowNode,
  type TryNode,
} from "./program.ts";
import { duration, ledgerStep, note, type Scope } from "./scope.ts";
import { verbsOf } from "./verbs.ts";

/** What `Promise.any` fails with when no branch succeeds. */
export const NONE = "no branch succeeded";
export const SLEPT = "slept";
/** Longer than anything that would let it end before the cancel arrives. */
const CANCELLED_WAIT = "1d";
const RETRY_AFTER_MS = 3_000;

/** Runs nodes one after another. The result lists theirs. */
export async function interpretBody(scope: Scope, body: readonly Node[], place: string): Promise<unknown[]> {
  const results: unknown[] = [];
  for (const [index, node] of body.entries())
    results.push(await interpret(scope, node, within(place, index)));
  return results;
}

export function within(place: string, index: number | string): string {
  return place === "" ? String(index) : `${place}.${index}`;
}

async function interpret(scope: Scope, node: Node, place: string): Promise<unknown> {
  for (const verb of verbsOf(node)) note(scope, verb);
  switch (node.kind) {
    case "run":
      return interpretRun(scope, node, place);
    case "sleep":
      return sleep(scope, node, place);
    case "call":
      return interpretCall(scope, node, place);
    case "send":
      return interpretSend(scope, node, place);
    case "foreign":
      return interpretForeign(scope, node);
    case "deadlock":
      return interpretDeadlock(scope, node, place);
    case "cancel-self":
      return cancelSelf(scope);
    case "awakeable":
      return interpretAwakeable(scope, node, place);
    case "settle-awakeable":
      return interpretSettleAwakeable(scope, node);
    case "signal":
      return interpretSignal(scope, node, place);
    case "send-signal":
      return interpretSendSignal(scope, node);
    case "promise-wait":
      return interpretPromiseWait(scope, node, place);
    case "promise-touch":
      return interpretPromiseTouch(scope, node);
    case "state":
      return touchState(scope, node);
    case "increment":
      return increment(scope);
    case "read":
      return read(scope, node, place);
    case "branches":
      return branch(scope, node, place);
    case "overlap":
      return overlap(scope, node, place);
    case "loop":
      return loop(scope, node, place);
    case "try":
      return attempt(scope, node, place);
    case "throw":
      return fail(scope, node, place);
    case "unstable":
      return unstable(scope, place);
  }
}

async function sleep({ ctx }: Scope, { ms, named }: SleepNode, place: string): Promise<string> {
  if (named) await ctx.sleep(duration(ms), `sleep ${place}`);
  else await ctx.sleep(duration(ms));
  return SLEPT;
}

async function cancelSelf({ ctx }: Scope): Promise<string> {
  ctx.cancel(ctx.invocationId);
  await ctx.sleep(CANCELLED_WAIT);
  return SLEPT;
}

async function read(scope: Scope, { what }: ReadNode, place: string): Promise<unknown> {
  const { ctx } = scope;
  switch (what) {
    case "date":
      return ctx.date.now();
    case "random":
      return drawn(scope, ctx.random(), place);
    case "uuid":
      return drawn(scope, ctx.uuid(), place);
    case "log":
      ctx.log.info(`at ${place}`, { place });
      return "logged";
    case "about":
      return [ctx.key, ctx.idempotencyKey ?? "", ctx.headers.get("x-program") ?? "", ctx.abortSignal.aborted];
  }
}

/** The journal has it in the name of a sleep, so that an attempt which draws another is seen. */
async function drawn<Value>({ ctx }: Scope, value: Value, place: string): Promise<Value> {
  await ctx.sleep(duration(1), `drew ${String(value)} at ${place}`);
  return value;
}

async function branch(scope: Scope, { join, branches }: BranchesNode, place: string): Promise<unknown> {
  const running = branches.map((body, index) => interpretBody(scope, body, within(place, index)));
  switch (join) {
    case "all":
      return Promise.all(running);
    case "race":
      return Promise.race(running);
    case "all-settled":
      return (await Promise.allSettled(running)).map((ended) => {
        if (ended.status === "fulfilled") return ["ok", ended.value];
        return ["failed", terminal(ended.reason).message];
      });
    case "any":
      try {
        return await Promise.any(running);
      } catch (error) {
        if (error instanceof AggregateError) throw new TerminalError(NONE, { cause: String(error) });
        throw error;
      }
  }
}

async function overlap(scope: Scope, { first, meanwhile }: OverlapNode, place: string): Promise<unknown> {
  // Settled into a value at once: it may fail before it is awaited, and Node ends a process for that.
  const begun = Promise.allSettled([interpret(scope, first, within(place, "first"))]);
  const between = await interpretBody(scope, meanwhile, place);
  const [ended] = await begun;
  if (ended.status === "rejected") throw ended.reason;
  return [ended.value, between];
}

async function loop(
  scope: Scope,
  { times, body }: { readonly times: number; readonly body: readonly Node[] },
  place: string,
): Promise<unknown[]> {
  const rounds: unknown[] = [];
  for (let round = 0; round < times; round++)
    rounds.push(await interpretBody(scope, body, within(place, `r${round}`)));
  return rounds;
}

async function attempt(scope: Scope, node: TryNode, place: string): Promise<unknown> {
  const outcome = await Promise.allSettled([rescued(scope, node, place)]);
  const [ended] = outcome;
  // An accident ends the attempt. What a `finally` did then would be in the journal, and missing from the next attempt.
  if (ended.status === "rejected") terminal(ended.reason);
  const after =
    node.always === undefined ? [] : [await interpretBody(scope, node.always, within(place, "always"))];
  if (ended.status === "rejected") throw ended.reason;
  return [ended.value, ...after];
}

async function rescued(scope: Scope, node: TryNode, place: string): Promise<unknown> {
  try {
    return await interpretBody(scope, node.body, within(place, "try"));
  } catch (error) {
    if (node.rescue === undefined) throw error;
    const { message } = terminal(error);
    return [`caught ${message}`, await interpretBody(scope, node.rescue, within(place, "catch"))];
  }
}

/** An outcome, which a handler may look at. Everything else is an accident: it is thrown on. */
function terminal(error: unknown): TerminalError {
  if (error instanceof TerminalError) return error;
  throw error;
}

async function fail(scope: Scope, node: ThrowNode, place: string): Promise<string> {
  const { ctx, host } = scope;
  const { error, times } = node;
  const message = thrown(place);
  if (error === "terminal") throw new TerminalError(message, { code: "thrown", status: 418 });
  const name = `before ${place}`;
  if (node.first !== true)
    await ctx.run(
      name,
      ledgerStep(scope, name, () => place),
    );
  if (!host.fails(ctx.invocationId, place, times)) return "passed";
  if (error === "ordinary") throw new Error(message);
  if (error === "retryable") throw new RetryableError(message, { retryAfter: RETRY_AFTER_MS });
  throw new PauseError(message);
}

/** What the error of a `throw` says. */
export function thrown(place: string): string {
  return `thrown at ${place}`;
}

/** Even and odd attempts disagree about the name, so whichever is in the journal, every other attempt can go on. */
async function unstable(scope: Scope, place: string): Promise<string> {
  const name = `${scope.ctx.attempt % 2 === 0 ? "even" : "odd"} ${place}`;
  // Outside it is one step, whatever the handler calls it.
  return scope.ctx.run(
    name,
    ledgerStep(scope, place, () => place),
  );
}
