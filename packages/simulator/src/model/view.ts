/**
 * What can be seen of a partition, as names and values: of the model and of the product's tables alike, so that they can be
 * held against each other field by field. A value is text; a window is a time that the model knows only so closely.
 */
import {
  splitObjectKey,
  timerDue,
  type Invocation,
  type InvocationStatus,
  type JournalEntry,
  type ObjectRow,
  type Tables,
} from "@holdfast/engine";
import { decodeMessage, MessageType, type JournalMessage } from "@holdfast/protocol";

import { openOf, recordedOn } from "./journal.ts";
import type { ModelInvocation, ModelObject, ModelState, ModelTimer, Window } from "./model-state.ts";
import { liveOn } from "./services.ts";
import { messageText, resultText, textOf } from "./texts.ts";

export type Fields = ReadonlyMap<string, string | Window>;
/** Fields by the name of what they belong to, e.g. "invocation inv_1…". */
export type View = ReadonlyMap<string, Fields>;

type Parts = Readonly<Record<string, string | number | Window | undefined>>;

function fields(parts: Parts): Fields {
  const present = Object.entries(parts).filter(([, value]) => value !== undefined);
  return new Map(present.map(([name, value]) => [name, typeof value === "object" ? value : String(value)]));
}

function list(texts: readonly string[]): string {
  return texts.join(", ");
}

function sorted(texts: readonly string[]): string {
  return list([...texts].sort());
}

// -- invocations -----------------------------------------------------------------------------------------------------

/** Names of what is open, as the product calls them. */
const KINDS: ReadonlyMap<number, string> = new Map([
  [MessageType.Run, "run"],
  [MessageType.Sleep, "sleep"],
  [MessageType.Call, "call"],
  [MessageType.GetPromise, "promise"],
  [MessageType.AttachInvocation, "attach"],
]);

export function viewInvocation(state: ModelState, invocation: ModelInvocation): Fields {
  const { id, status, result, journal, seedId } = invocation;
  const isLive = status !== "completed";
  const open = [...openOf(invocation)].map(([completionId, command]) => {
    const failures = invocation.stepFailures.get(completionId)?.failures ?? 0;
    return `${completionId} ${KINDS.get(command.type) ?? "?"} ${detailOf(invocation, command, completionId)} ${failures}`;
  });
  const timers = [...state.timers.values()].filter((timer) => timer.id === id && timer.kind !== "sleep");
  return fields({
    ...invocationParts({ ...invocation, isLive }),
    "restart seed": seedId,
    result: result === undefined ? undefined : resultText(result),
    "waits for timer": timers[0] === undefined ? undefined : timers[0].due,
    open: sorted(open),
    "recorded on": isLive ? recordedOn(invocation) : undefined,
    "expires at": isLive ? undefined : nextExpiry(invocation),
    ...journalParts(journal.map((entry) => ({ ...entry, text: messageText(entry.message) }))),
  });
}

/** When retention must look next. It may look earlier, for a journal that someone has purged since. */
function nextExpiry({ journal, journalUntil, keptUntil }: ModelInvocation): Window {
  const first = Math.min(journalUntil, keptUntil);
  return [first, journal.length === 0 ? keptUntil : first];
}

function detailOf(invocation: ModelInvocation, command: JournalMessage, completionId: number): string {
  if (command.type === MessageType.Run) return command.name ?? "";
  if (command.type === MessageType.GetPromise) return command.key;
  return invocation.targets.get(completionId) ?? "";
}

export function viewRow(tables: Tables, row: Readonly<Invocation>): Fields {
  const isLive = row.status !== "completed";
  const open = [...row.open].map(
    ([completionId, { kind, detail, failures }]) =>
      `${completionId} ${kind} ${kind === "sleep" ? "" : detail} ${failures}`,
  );
  const due = row.timer === "" ? undefined : timerDue(row.timer);
  return fields({
    ...invocationParts({ ...row, isLive, lastFailure: row.lastFailure?.code }),
    "restart seed": row.seedId,
    result: row.result === undefined ? undefined : resultText(row.result),
    "waits for timer": due === undefined ? undefined : [due, due],
    open: sorted(open),
    "recorded on": isLive ? row.recordedOn : undefined,
    "expires at": isLive ? undefined : [row.expiresAt, row.expiresAt],
    ...journalParts(tables.journal(row).map((entry) => ({ ...entry, text: entryText(entry) }))),
  });
}

/** What both know under the same name. */
type Common = Pick<
  ModelInvocation,
  | "target"
  | "source"
  | "idempotencyKey"
  | "inputHash"
  | "attempt"
  | "deployment"
  | "retryCount"
  | "failuresSinceCommand"
  | "restateVersion"
  | "lostAttempts"
  | "lastFailure"
  | "awaiting"
  | "keptUntil"
> & {
  readonly status: InvocationStatus;
  readonly isLive: boolean;
  readonly waiters: ReadonlyArray<{ readonly id: string; readonly completionId: number }>;
};

function invocationParts(known: Common): Parts {
  const { isLive, awaiting } = known;
  return {
    status: known.status,
    target: textOf(known.target),
    source: textOf(known.source),
    "idempotency key": known.idempotencyKey,
    "input hash": known.inputHash,
    attempt: known.attempt,
    deployment: known.deployment,
    "restate version": known.restateVersion,
    "counted failures": isLive ? known.retryCount : undefined,
    "failures since command": isLive ? known.failuresSinceCommand : undefined,
    "lost attempts": isLive ? known.lostAttempts : undefined,
    "last failure": isLive ? known.lastFailure : undefined,
    awaiting: awaiting === undefined ? undefined : textOf(awaiting),
    waiters: list(known.waiters.map(({ id, completionId }) => `${id} as ${completionId}`)),
    "kept until": isLive ? undefined : known.keptUntil,
  };
}

type EntryView = Pick<JournalEntry, "attempt" | "deployment" | "cause"> & { readonly text: string };

function journalParts(entries: readonly EntryView[]): Parts {
  const parts: Record<string, string> = {};
  for (const [index, { text, attempt, deployment, cause }] of entries.entries())
    parts[`journal[${index}]`] = `${text} of attempt ${attempt} on "${deployment}" because of "${cause}"`;
  return parts;
}

export function entryText({ type, body }: Pick<JournalEntry, "type" | "body">): string {
  return messageText(decodeMessage(type, body));
}

// -- objects, timers, deployments ------------------------------------------------------------------------------------

export function viewObject({ holder, queue, state, version, runId, promises }: ModelObject): Fields {
  return objectFields({ holder, queue, state, version, runId, promises });
}

export function viewObjectRow(tables: Tables, key: string, row: Readonly<ObjectRow>): Fields {
  const queue: string[] = [];
  for (const [, { id }] of tables.inbox.scan(`${key}\u0000`, `${key}\u0000:`, row.inboxLength + 1))
    queue.push(id);
  return objectFields({ ...row, queue, version: row.stateVersion });
}

function objectFields({ holder, queue, state, version, runId, promises }: ModelObject): Fields {
  const parts: Record<string, string | undefined> = {
    "lock holder": holder,
    queue: queue.length === 0 ? undefined : list(queue),
    "state version": version === 0 ? undefined : String(version),
    run: runId,
  };
  for (const [name, value] of state) parts[`state ${name}`] = textOf(value);
  for (const [name, { result, waiters }] of promises) {
    if (result !== undefined) parts[`promise ${name}`] = resultText(result);
    if (waiters.length > 0)
      parts[`waiting for promise ${name}`] = list(
        waiters.map((each) => `${each.id} as ${each.completionId}`),
      );
  }
  return fields(parts);
}

function timerView({ kind, id, completionId, due }: ModelTimer): [string, Fields] {
  return [`${kind} timer of ${id}${kind === "sleep" ? ` under ${completionId}` : ""}`, fields({ due })];
}

// -- everything ------------------------------------------------------------------------------------------------------

export function viewModel(state: ModelState): View {
  const view = new Map<string, Fields>();
  view.set("partition", fields({ now: state.now, epoch: state.epoch }));
  for (const [id, each] of state.invocations) view.set(`invocation ${id}`, viewInvocation(state, each));
  for (const [name, object] of state.objects) view.set(`object ${name}`, viewObject(object));
  for (const timer of state.timers.values()) view.set(...timerView(timer));
  for (const { id, url, revisions, overrides } of state.deployments.values())
    view.set(`deployment ${id}`, deploymentView(url, revisions, overrides, liveOn(state, id)));
  return view;
}

export function viewTables(tables: Tables): View {
  const view = new Map<string, Fields>();
  view.set("partition", fields({ now: tables.meta.now, epoch: tables.meta.epoch }));
  for (const [id, row] of tables.invocations.all()) view.set(`invocation ${id}`, viewRow(tables, row));
  for (const [key, row] of tables.objects.all()) {
    const { service, key: name } = splitObjectKey(key);
    view.set(`object ${service}/${name}`, viewObjectRow(tables, key, row));
  }
  for (const [key, row] of tables.timers.all()) {
    const due = timerDue(key);
    view.set(...timerView({ ...row, due: [due, due] }));
  }
  for (const [id, { url, revisions, overrides, live }] of tables.deployments.all())
    view.set(`deployment ${id}`, deploymentView(url, revisions, new Map(Object.entries(overrides)), live));
  return view;
}

function deploymentView(
  url: string,
  revisions: Readonly<Record<string, number>>,
  overrides: ReadonlyMap<string, object>,
  live: number,
): Fields {
  const set = [...overrides].map(([service, options]) => `${service}: ${textOf(options)}`).toSorted();
  return fields({ url, revisions: textOf(revisions), overrides: set.join("; "), "live invocations": live });
}
