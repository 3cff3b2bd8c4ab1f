/** `/invocations/{id}` in Restate's form, one at a time and many together. */
import { setImmediate as nextTurn } from "node:timers/promises";

import { HoldfastError } from "@holdfast/protocol";

import { invalid, list, required, text } from "../../http/json-request.ts";
import { pathNotFound } from "../../http/request-path.ts";
import type { EngineAccess } from "../../partition/engine-access.ts";
import { param } from "../exchange.ts";
import type { RestateAnswer, RestateExchange, RestateRoute } from "./exchange.ts";
import {
  changeInvocation,
  entryIndex,
  invocationOf,
  isChange,
  type Change,
  type ChangeOptions,
} from "./invocation-changes.ts";
import { messageOf } from "./refusal.ts";
import { queryText, readRequest } from "./request.ts";

/** Of one request. */
const BATCH_MAX = 1_000;
/** Proposed at a time, so that others are served in between. */
const SLICE = 50;
const MODES = { cancel: "cancel", kill: "kill", purge: "purge" } as const satisfies Record<string, Change>;

type Failed = { readonly invocation_id: string; readonly error: string };
type Restarted = { readonly old_invocation_id: string; readonly new_invocation_id: string };

/** `DELETE /invocations/{id}?mode=`, the older form. */
export async function deleteInvocation(exchange: RestateExchange): Promise<RestateAnswer> {
  const { engine } = exchange;
  const mode = (queryText(exchange, "mode") ?? "Cancel").toLowerCase();
  const change = Object.hasOwn(MODES, mode) ? MODES[mode as keyof typeof MODES] : undefined;
  if (change === undefined) throw invalid('"mode" must be Cancel, Kill or Purge', { field: "mode" });
  await changeInvocation(engine, invocationOf(engine, param(exchange, "id")), change);
  return { status: 202 };
}

/** `PATCH /invocations/{id}/{change}`: all it says is in path and query. */
export function patchesInvocation(change: Change): RestateRoute {
  return async (exchange) => {
    const { engine } = exchange;
    const row = invocationOf(engine, param(exchange, "id"));
    const { isPending, newInvocationId } = await changeInvocation(engine, row, change, {
      deployment: queryText(exchange, "deployment"),
      from: entryIndex(queryText(exchange, "from")),
    });
    return {
      status: isPending ? 202 : 200,
      ...(newInvocationId === undefined ? {} : { body: { new_invocation_id: newInvocationId } }),
    };
  };
}

/** Each for itself: what one is refused does not hold up the others. */
export async function changeMany(exchange: RestateExchange): Promise<RestateAnswer> {
  const { engine } = exchange;
  const change = param(exchange, "change");
  if (!isChange(change)) throw pathNotFound(["internal", "invocations_batch_operations", change]);
  const { ids, options } = readRequest(
    exchange,
    { invocation_ids: list(text), deployment: text },
    (given) => ({
      ids: required(given.invocation_ids, "invocation_ids"),
      options: { deployment: given.deployment },
    }),
  );
  if (ids.length > BATCH_MAX)
    throw invalid(`"invocation_ids" has ${ids.length} ids; at most ${BATCH_MAX} can be given at once`);
  const succeeded: Array<string | Restarted> = [];
  const failed: Failed[] = [];
  for (let at = 0; at < ids.length; at += SLICE) {
    const slice = ids.slice(at, at + SLICE);
    const results = await Promise.all(slice.map((id) => changeOne(engine, id, change, options)));
    for (const result of results) {
      if (typeof result === "object" && "error" in result) failed.push(result);
      else succeeded.push(result);
    }
    await nextTurn();
  }
  return { body: { succeeded, failed } };
}

async function changeOne(
  engine: EngineAccess,
  id: string,
  change: Change,
  options: ChangeOptions,
): Promise<string | Restarted | Failed> {
  try {
    const { newInvocationId } = await changeInvocation(engine, invocationOf(engine, id), change, options);
    if (newInvocationId === undefined) return id;
    return { old_invocation_id: id, new_invocation_id: newInvocationId };
  } catch (error) {
    return { invocation_id: id.slice(0, 100), error: reasonOf(error) };
  }
}

/** A server that cannot take anything says so for the whole batch: what was done before is done, and may be asked for again. */
function reasonOf(error: unknown): string {
  if (error instanceof HoldfastError && error.status < 500 && error.code !== "overloaded")
    return messageOf(error);
  if (error instanceof Error && error.name === "RestateRefusal") return error.message;
  throw error;
}
