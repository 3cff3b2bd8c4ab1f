/** A durable promise of a workflow, from outside. */
import type { PromiseState, SettlePromiseResponse, WorkflowRef } from "@holdfast/protocol";

import { HoldfastClientError, revive } from "./errors.ts";
import { bodyOf, type Transport } from "./transport.ts";

export type AnyWorkflowRef = WorkflowRef<readonly unknown[], unknown, unknown>;

type Declared<Ref extends AnyWorkflowRef> = NonNullable<Ref["~promises"]>;

/** The names a workflow declares. */
export type PromiseNames<Ref extends AnyWorkflowRef> = keyof Declared<Ref> & string;

/** What resolvers pass and what the promise holds, from the schema the workflow declares (Standard Schema). */
export type PayloadOf<
  Ref extends AnyWorkflowRef,
  Name extends PromiseNames<Ref>,
> = Declared<Ref>[Name] extends { readonly "~standard": { readonly types?: infer Types } }
  ? NonNullable<Types> extends { readonly input: infer Input; readonly output: infer Output }
    ? { readonly input: Input; readonly output: Output }
    : { readonly input: unknown; readonly output: unknown }
  : { readonly input: unknown; readonly output: unknown };

/** What a promise has come to. */
export type PromisePeek<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly reason: "pending" }
  | { readonly ok: false; readonly reason: "rejected"; readonly code: number; readonly message: string };

/** Whether this was what settled the promise, and what it holds now. */
export interface PromiseSettled<Value> {
  /** False: it had been settled before, and stays as it was. */
  readonly first: boolean;
  readonly outcome: PromisePeek<Value>;
}

const NOT_READY = 470;

/** The path of a promise for callers. */
export function promisePath(workflow: string, key: string, name: string): readonly string[] {
  return ["restate", "promises", workflow, key, name];
}

export class PromiseHandle<Input, Value> {
  readonly #transport: Transport;
  readonly #segments: readonly string[];

  /** @param segments The path of the promise. */
  constructor(transport: Transport, segments: readonly string[]) {
    this.#transport = transport;
    this.#segments = segments;
  }

  /** Settles it with a value, unless it is settled. */
  resolve(value: Input): Promise<PromiseSettled<Value>> {
    return this.#settle("resolve", bodyOf(value, "payload of the promise"));
  }

  /** Settles it with a failure, unless it is settled. */
  reject(reason: string): Promise<PromiseSettled<Value>> {
    return this.#settle("reject", bodyOf({ message: reason }, "reason"));
  }

  /** Looks without waiting. */
  async peek(): Promise<PromisePeek<Value>> {
    try {
      return peekOf(await this.#transport.json<PromiseState>(this.#segments));
    } catch (error) {
      if (error instanceof HoldfastClientError && error.status === NOT_READY)
        return { ok: false, reason: "pending" };
      throw error;
    }
  }

  async #settle(verb: "resolve" | "reject", body: Uint8Array): Promise<PromiseSettled<Value>> {
    try {
      const state = await this.#transport.json<SettlePromiseResponse>([...this.#segments, verb], {
        method: "POST",
        // Also for the empty body of `undefined`: the admin API takes no POST that a web page could send unasked.
        headers: { "content-type": "application/json" },
        body,
      });
      return { first: state.settled === "now", outcome: peekOf(state) };
    } catch (error) {
      const existing = existingIn(error);
      if (existing === undefined) throw error;
      return { first: false, outcome: peekOf(existing) };
    }
  }
}

/** That another outcome was there before is an answer, not an error. */
function existingIn(error: unknown): PromiseState | undefined {
  if (!(error instanceof HoldfastClientError) || error.code !== "promise-already-completed") return undefined;
  return error.details["existing"] as PromiseState | undefined;
}

function peekOf<Value>(state: PromiseState): PromisePeek<Value> {
  switch (state.status) {
    case "pending":
      return { ok: false, reason: "pending" };
    case "resolved":
      return { ok: true, value: (state.value === undefined ? undefined : revive(state.value)) as Value };
    case "rejected":
      return { ok: false, reason: "rejected", ...state.failure };
  }
}
