import {
  CancelledError,
  object,
  shared,
  TerminalError,
  type ObjectContext,
  type SharedContext,
} from "@holdfast/sdk";

import type { Edge } from "../ports/edge.ts";
import type { Region } from "../ports/region.ts";
import type { StepRecorder } from "../steps/step-recorder.ts";
import {
  decideDeploy,
  decideRollBack,
  decideUndo,
  emptyDomain,
  withoutCandidate,
  withRemoval,
  type Decision,
  type DomainState,
  type Switch,
} from "./domain-state.ts";
import { cleanupRemove } from "./references.ts";

/** How long a deployment that is no longer live stays up, so that rolling back to it takes no time. */
export const REMOVAL_DELAY = "3d";

/** What runs is healthy at once; what was just restarted needs a moment. */
const ROLL_BACK_PATIENCE = "10s";

const STATE = "domain";

export interface DomainPorts {
  readonly edge: Edge;
  readonly regions: readonly Region[];
  readonly recorder: StepRecorder;
}

export type SwitchOutcome =
  | { readonly kind: "switched"; readonly made: Switch }
  | { readonly kind: "unchanged" }
  | { readonly kind: "superseded"; readonly by: number };

/**
 * A host name. Its handlers are exclusive, so no two switches of one host name ever interleave, however many are asked for
 * at once; and whatever belongs to a switch (what was live is to be removed later, what is live again is not) happens
 * before the next one begins.
 */
// The type of a definition is what its handlers say; writing it out would say everything twice.
export function defineDomain(ports: DomainPorts) {
  return object("domain", {
    /** Leads the host name to a deployment that has become healthy. */
    switchTo: async (
      ctx,
      next: { readonly deployment: string; readonly number: number },
    ): Promise<SwitchOutcome> => {
      const state = await stateOf(ctx);
      const decision = decideDeploy(state, next, await ctx.date.now());
      return carryOut(ctx, ports, decision, next.deployment);
    },

    /** Leads it back to the deployment before `seen`, which was live when that was asked for. */
    rollBack: async (ctx, seen: string): Promise<SwitchOutcome> => {
      const state = await stateOf(ctx);
      const decision = decideRollBack(state, seen, await ctx.date.now());
      const target = decision.kind === "switch" ? decision.made.to : undefined;
      if (target !== undefined) await assertHealthy(ctx, ports, target);
      return carryOut(ctx, ports, decision, target ?? seen);
    },

    /** Undoes a switch that `switchTo` made, unless it has been followed by another. */
    switchBack: async (ctx, made: Switch): Promise<SwitchOutcome> => {
      const state = await stateOf(ctx);
      const decision = decideUndo(state, made, await ctx.date.now());
      return carryOut(ctx, ports, decision, made.to ?? "");
    },

    /** Gives a deployment up for good. False when it may not be, because it is live. */
    retire: async (ctx, deployment: string): Promise<boolean> => {
      const state = await stateOf(ctx);
      const next = withoutCandidate(state, deployment);
      // Its removal has come too early, and is over: there is none to cancel any more.
      ctx.state.set(STATE, next ?? withRemoval(state, deployment, undefined));
      return next !== undefined;
    },

    read: shared({}, (ctx: SharedContext) => stateOf(ctx)),
  });
}

async function stateOf(ctx: SharedContext): Promise<DomainState> {
  return (await ctx.state.get<DomainState>(STATE)) ?? emptyDomain;
}

/** `deployment` is the one on whose behalf this happens; its ledger gets the step. */
async function carryOut(
  ctx: ObjectContext,
  ports: DomainPorts,
  decision: Decision,
  deployment: string,
): Promise<SwitchOutcome> {
  if (decision.kind === "refused")
    throw new TerminalError(decision.reason, { code: "switch_refused", status: 409 });
  if (decision.kind !== "switch") return decision;

  // 1. The truth. From here on the switch will happen, whatever crashes.
  const { made } = decision;
  const { from, to } = made;
  ctx.state.set(STATE, decision.state);

  // 2. The edge's copy of it.
  await ctx.run(`switch ${ctx.key}`, ({ idempotencyKey }) =>
    ports.recorder.record(
      { deployment, name: `switch ${ctx.key}`, key: idempotencyKey },
      () => ports.edge.route(ctx.key, { deployment: to, version: made.version }),
      () => (from === undefined ? "first deployment" : `from ${from}`),
    ),
  );

  // 3. What is live again is not removed; what no longer is will be. An undone deployment is removed by who undoes it.
  let { state } = decision;
  const pending = state.candidates.find((candidate) => candidate.deployment === to)?.removal;
  if (to !== undefined && pending !== undefined) {
    ctx.cancel(pending);
    state = withRemoval(state, to, undefined);
  }
  if (from !== undefined && made.kind !== "undo") {
    const id = `${ctx.key}:${made.version}`; // The switch, not the deployment: it may go and come back more than once.
    const removal = await ctx.send(
      cleanupRemove,
      { deployment: from, host: ctx.key },
      { delay: REMOVAL_DELAY, id },
    );
    state = withRemoval(state, from, removal.invocationId);
  }
  ctx.state.set(STATE, state);
  return { kind: "switched", made };
}

/** Rolling back must not take a host name from something that works to something that does not. */
async function assertHealthy(ctx: ObjectContext, ports: DomainPorts, deployment: string): Promise<void> {
  const check = async ({ signal }: { readonly signal: AbortSignal }): Promise<void> => {
    await Promise.any(ports.regions.map((region) => region.whenHealthy(deployment, signal)));
  };
  try {
    await ctx.run(`is ${deployment} healthy`, check, { timeout: ROLL_BACK_PATIENCE, retry: { attempts: 1 } });
  } catch (error) {
    if (error instanceof CancelledError) throw error;
    throw new TerminalError(`${deployment} is not healthy in any region, so nothing was switched.`, {
      code: "switch_refused",
      status: 409,
      cause: error,
    });
  }
}
