/** What Restate's admin API can do with an invocation, told with its statuses. What each means is decided by the actions of ours. */
import type { Invocation } from "@holdfast/engine";
import { HoldfastError, isCommandType, parseInvocationId } from "@holdfast/protocol";

import { invalid } from "../../http/json-request.ts";
import type { EngineAccess } from "../../partition/engine-access.ts";
import { performAction, type ActionRequest } from "../invocation-actions.ts";
import { messageOf, RestateRefusal } from "./refusal.ts";

export const CHANGES = [
  "cancel",
  "kill",
  "purge",
  "purge-journal",
  "pause",
  "resume",
  "restart-as-new",
] as const;
export type Change = (typeof CHANGES)[number];

export type ChangeOptions = {
  /** resume, restart-as-new: "keep", "latest" or an id. */
  readonly deployment?: string | undefined;
  /** restart-as-new: the last entry of the journal that is kept. */
  readonly from?: number | undefined;
};

export type Changed = {
  /** It takes effect when the handler lets it. */
  readonly isPending: boolean;
  readonly newInvocationId?: string;
};

export function isChange(name: string): name is Change {
  return CHANGES.some((change) => change === name);
}

/** By its whole id: unlike ours, this API does not take the beginning of one. */
export function invocationOf(engine: EngineAccess, id: string): Readonly<Invocation> {
  const invocationId = id.slice(0, 100);
  if (parseInvocationId(id) === undefined) throw new HoldfastError("invocation-id-invalid", { invocationId });
  const row = engine.tables.invocations.get(id);
  if (row === undefined) throw new HoldfastError("invocation-not-found", { invocationId });
  return row;
}

export async function changeInvocation(
  engine: EngineAccess,
  row: Readonly<Invocation>,
  change: Change,
  options: ChangeOptions = {},
): Promise<Changed> {
  try {
    const { outcome, newInvocationId } = await performAction(
      engine,
      row,
      requestOf(engine, row, change, options),
    );
    return {
      isPending: outcome === "requested" || (change === "pause" && outcome === "done"),
      ...(newInvocationId === undefined ? {} : { newInvocationId }),
    };
  } catch (error) {
    throw asTold(change, error);
  }
}

function requestOf(
  engine: EngineAccess,
  row: Readonly<Invocation>,
  change: Change,
  { deployment, from }: ChangeOptions,
): ActionRequest {
  const on = deployment === undefined ? {} : { deployment };
  switch (change) {
    case "cancel":
    case "kill":
    case "pause":
      return { action: change };
    case "purge":
    case "purge-journal":
      return { action: "purge", journalOnly: change === "purge-journal" };
    case "resume":
      return { action: "resume", ...on };
    case "restart-as-new":
      return { action: "restart", fromCommand: commandAt(engine, row, from ?? 0), ...on };
  }
}

/** They count all entries of a journal, we count its commands: what is kept are the commands up to that entry. */
function commandAt(engine: EngineAccess, row: Readonly<Invocation>, from: number): number {
  if (from === 0 || row.journalLength === 0) return 0;
  if (from >= row.journalLength) {
    throw new RestateRefusal(
      400,
      `The journal of ${row.id} has the entries 0 to ${row.journalLength - 1}; there is no ${from}`,
    );
  }
  const kept = engine.tables.journal(row, from + 1);
  return kept.filter(({ type }) => isCommandType(type)).length - 1;
}

/** Refusals that have another status here. */
function asTold(change: Change, error: unknown): unknown {
  if (!(error instanceof HoldfastError)) return error;
  const isUnfit = error.code === "handler-not-found" || error.code === "deployment-id-invalid";
  if (error.code === "invocation-not-started" && change === "pause")
    return new RestateRefusal(409, messageOf(error));
  if (isUnfit) return new RestateRefusal(400, messageOf(error));
  return error;
}

export function entryIndex(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,15}$/.test(text)) throw invalid('"from" must be a whole number', { field: "from" });
  return Number(text);
}
