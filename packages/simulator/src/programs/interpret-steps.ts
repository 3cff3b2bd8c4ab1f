/** Steps: how each plan of a `run` node goes. */
import { RetryableError, TerminalError, type RunOptions } from "@holdfast/sdk";

import type { RunNode } from "./program.ts";
import { duration, ledgerStep, note, type Scope } from "./scope.ts";

/** How much longer than its time limit a step takes that is to exceed it. */
const TOO_LONG = 10;

export async function interpretRun(scope: Scope, node: RunNode, place: string): Promise<string | number> {
  const name = stepName(place);
  const work = ledgerStep(scope, name, (signal) => execute(scope, node, place, signal));
  const result = await scope.ctx.run(name, work, optionsOf(scope, node, place));
  return node.plan === "large" ? result.length : result;
}

/** How long it takes at most to take a step back slowly, ms. */
const UNDO_MS_MAX = 4_000;

/** Names are compared on replay, so they follow from the place alone. */
export function stepName(place: string): string {
  return `step ${place}`;
}

/** What the error of a step that fails for good says. */
export function refusal(place: string): string {
  return `refused at ${place}`;
}

async function execute(scope: Scope, node: RunNode, place: string, signal: AbortSignal): Promise<string> {
  const { host, ctx } = scope;
  const { plan, ms, times } = node;
  switch (plan) {
    case "value":
      return place;
    case "large":
      return "x".repeat(ms);
    case "slow":
      await host.sleepInStep(ms, signal);
      // Nobody takes the result any more. The ledger shall not show it as done.
      signal.throwIfAborted();
      return place;
    case "timeout":
      if (host.fails(ctx.invocationId, place, times)) await host.sleepInStep(ms * TOO_LONG, signal);
      signal.throwIfAborted();
      return place;
    case "terminal":
      throw new TerminalError(refusal(place), { code: "refused", data: { place } });
    case "exhausted":
      throw new Error(fault(place));
    case "flaky":
    case "retried":
      if (host.fails(ctx.invocationId, place, times)) throw new Error(fault(place));
      return place;
    case "retry-after":
      if (host.fails(ctx.invocationId, place, times))
        throw new RetryableError(fault(place), { retryAfter: ms });
      return place;
  }
}

/** What the error of a step that may succeed later says. */
export function fault(place: string): string {
  return `fault at ${place}`;
}

function optionsOf(scope: Scope, node: RunNode, place: string): RunOptions<string> {
  return { ...retryOf(node), ...(node.undo === undefined ? {} : { undo: undoOf(scope, node, place) }) };
}

function retryOf({ plan, times, ms }: RunNode): RunOptions<string> {
  const retry = { initial: "200ms", factor: 3, max: "20s" } as const;
  if (plan === "retried") return { retry };
  if (plan === "exhausted") return { retry: { ...retry, attempts: times } };
  // Without a limit of its own: those that time out do so `times` times.
  return plan === "timeout" ? { timeout: duration(ms), retry } : {};
}

/** What the error of a step says that cannot be taken back. */
function irreversible(place: string): string {
  return `cannot undo ${place}`;
}

function undoOf(
  scope: Scope,
  { undo: how, ms }: RunNode,
  place: string,
): NonNullable<RunOptions<string>["undo"]> {
  const name = `undo ${stepName(place)}`;
  const work = ledgerStep(scope, name, async (signal) => {
    note(scope, "undo");
    if (how === "refused") throw new TerminalError(irreversible(place));
    if (how === "slow") await scope.host.sleepInStep(Math.min(ms, UNDO_MS_MAX), signal);
    signal.throwIfAborted();
    if (how === "flaky" && scope.host.fails(scope.ctx.invocationId, name, 1)) throw new Error(fault(name));
    return name;
  });
  return { run: (_result, step) => work(step), retry: { initial: "500ms" } };
}
