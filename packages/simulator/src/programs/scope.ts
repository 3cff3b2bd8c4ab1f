/** What a program has at hand while it is interpreted: one scope per attempt. */
import type { AnyHandlerRef, Duration, HandlerRef } from "@holdfast/protocol";
import type { Context, NamedPromise, OpenState, OpenStateView } from "@holdfast/sdk";

import type { ProgramHost } from "./host.ts";
import type { OwnWrites } from "./own-writes.ts";
import { FRESH_KEY, OWN_KEY, type Given, type Program, type Target } from "./program.ts";
import type { Verb } from "./verbs.ts";

export type Scope = {
  readonly ctx: Context;
  readonly host: ProgramHost;
  readonly given: Given;
  /** Handlers with a key. */
  readonly view?: OpenStateView;
  /** Handlers that may write state. */
  readonly state?: OpenState;
  /** Handlers that are alone at their key: nobody else can have changed what they wrote. */
  readonly writes?: OwnWrites;
  /** Handlers of workflows. */
  readonly promise?: (name: string) => NamedPromise<string, string>;
};

export function note({ ctx, host }: Scope, verb: Verb): void {
  host.verb(ctx.invocationId, ctx.attempt, verb);
}

/** The part of the scope that a node needs and that the handler's kind may not have. Only a wrong generator gets the error. */
export function needed<Part extends "view" | "state" | "promise">(
  scope: Scope,
  part: Part,
): NonNullable<Scope[Part]> {
  const found = scope[part];
  if (found === undefined)
    throw new TypeError(`This kind of handler has no ${part}: the program does not fit it`);
  return found;
}

export function duration(ms: number): Duration {
  return `${ms}ms`;
}

/** Runs a step that the ledger of the outside sees. */
export function ledgerStep<Result>(
  { ctx, host }: Scope,
  name: string,
  work: (signal: AbortSignal) => Result | Promise<Result>,
): (step: { readonly signal: AbortSignal; readonly idempotencyKey: string }) => Promise<Result> {
  const { invocationId, attempt } = ctx;
  return async ({ signal, idempotencyKey }) => {
    host.stepBegan(invocationId, attempt, name, idempotencyKey);
    let ok = false;
    try {
      const result = await work(signal);
      ok = true;
      return result;
    } finally {
      host.stepEnded(invocationId, attempt, name, idempotencyKey, ok);
    }
  };
}

/** Where a call goes: the reference, and the arguments before the input. */
export type Address = {
  readonly ref: HandlerRef<readonly unknown[], unknown>;
  readonly key: readonly [] | readonly [string];
};

export function addressOf(scope: Scope, target: Target, place: string): Address {
  if (target.service === "plain") return { ref: reference("plain", "go", "plain"), key: [] };
  const { service, handler } = target;
  if (service === "thing")
    return {
      ref: reference(service, handler, handler === "look" ? "shared" : "exclusive"),
      key: [target.key],
    };
  const key = workflowKey(scope, target.key, place);
  return { ref: reference(service, handler, handler === "run" ? "run" : "shared"), key: [key] };
}

function workflowKey({ ctx }: Scope, key: string, place: string): string {
  if (key === OWN_KEY) return ctx.key;
  return key === FRESH_KEY ? `${ctx.invocationId}:${place}` : key;
}

/** As from another repository: the definitions themselves are made from the interpreter, which needs these. */
function reference(service: string, handler: string, kind: AnyHandlerRef["kind"]): AnyHandlerRef {
  return { service, handler, kind } as AnyHandlerRef;
}

/** A program with the ids that it needs. */
export function withGiven(program: Program, given: Given): Program {
  return { ...program, given };
}
