/**
 * What a handler sends counts for the invocation of its session and for no other. Every field of every message is set to
 * what belongs to somebody else, and the tables are compared: nothing outside the sender's own rows may change, except what
 * the command is there to change, on the one that it names.
 *
 * Messages and fields are enumerated by type: one that is added to the protocol does not compile here until it has a sample.
 */
import assert from "node:assert/strict";
import { test } from "node:test";

import {
  ErrorBehavior,
  formatAwakeableId,
  MessageType,
  parseAwakeableId,
  type Result,
  type SdkMessage,
} from "@holdfast/protocol";

import { sessionMessage } from "../testing/attempt.ts";
import { dumpTables, type Dump } from "../testing/dump.ts";
import { bytesOf, object, runId, service, workflow } from "../testing/handlers.ts";
import { World } from "../testing/world.ts";

const SENDER = "sender";
const VICTIM = "inv_1foAirY4KKzi4tTP0Tg6aeuiRBSQFCQt9k";
const SCHEDULED = "scheduled";
const AWAKEABLE = formatAwakeableId(VICTIM, 17);
const IDEMPOTENCY_KEY = "of the victim";
const value: Result = { kind: "value", value: bytesOf('"forged"') };

type Sample<Type extends SdkMessage["type"]> = Required<Extract<SdkMessage, { readonly type: Type }>>;
type Samples = { readonly [Type in SdkMessage["type"]]: Sample<Type> };

const meta = { name: "name", callSite: "file:1:1", inputHash: 1 };
const callee = { service: "mail", handler: "send", key: "", parameter: bytesOf("1"), headers: [] };

/** Every message with every field that it can have. Completion ids from 50 on are the sender's next ones. */
const samples: Samples = {
  [MessageType.Output]: { ...meta, type: MessageType.Output, result: value },
  [MessageType.GetLazyState]: { ...meta, type: MessageType.GetLazyState, key: "x", completionId: 50 },
  [MessageType.SetState]: { ...meta, type: MessageType.SetState, key: "x", value: bytesOf("1") },
  [MessageType.ClearState]: { ...meta, type: MessageType.ClearState, key: "x" },
  [MessageType.ClearAllState]: { ...meta, type: MessageType.ClearAllState },
  [MessageType.GetLazyStateKeys]: { ...meta, type: MessageType.GetLazyStateKeys, completionId: 50 },
  [MessageType.GetEagerState]: { ...meta, type: MessageType.GetEagerState, key: "x", value: bytesOf("1") },
  [MessageType.GetEagerStateKeys]: { ...meta, type: MessageType.GetEagerStateKeys, keys: ["x"] },
  [MessageType.GetPromise]: { ...meta, type: MessageType.GetPromise, key: "x", completionId: 50 },
  [MessageType.PeekPromise]: { ...meta, type: MessageType.PeekPromise, key: "x", completionId: 50 },
  [MessageType.CompletePromise]: {
    ...meta,
    type: MessageType.CompletePromise,
    key: "x",
    result: value,
    completionId: 50,
  },
  [MessageType.Sleep]: { ...meta, type: MessageType.Sleep, wakeUpAt: 2_000_000, completionId: 50 },
  [MessageType.Call]: {
    ...meta,
    ...callee,
    type: MessageType.Call,
    idempotencyKey: "k",
    invocationIdCompletionId: 50,
    completionId: 51,
  },
  [MessageType.OneWayCall]: {
    ...meta,
    ...callee,
    type: MessageType.OneWayCall,
    invokeAt: 0,
    idempotencyKey: "k",
    invocationIdCompletionId: 50,
  },
  [MessageType.SendSignal]: {
    ...meta,
    type: MessageType.SendSignal,
    target: "nobody",
    index: 20,
    signalName: "name",
    result: value,
  },
  [MessageType.Run]: { ...meta, type: MessageType.Run, completionId: 50 },
  [MessageType.AttachInvocation]: {
    ...meta,
    type: MessageType.AttachInvocation,
    target: { kind: "invocation", id: "nobody" },
    completionId: 50,
  },
  [MessageType.GetInvocationOutput]: {
    ...meta,
    type: MessageType.GetInvocationOutput,
    target: { kind: "idempotent", service: "mail", key: "", handler: "send", idempotencyKey: "k" },
    completionId: 50,
  },
  [MessageType.CompleteAwakeable]: {
    ...meta,
    type: MessageType.CompleteAwakeable,
    awakeableId: formatAwakeableId(VICTIM, 18),
    result: value,
  },
  [MessageType.Reschedule]: {
    ...meta,
    type: MessageType.Reschedule,
    target: "nobody",
    invokeAt: 9_000_000,
    completionId: 50,
  },
  [MessageType.ProposeRunCompletion]: {
    type: MessageType.ProposeRunCompletion,
    completionId: 1,
    result: value,
  },
  [MessageType.RunAttemptFailed]: {
    type: MessageType.RunAttemptFailed,
    completionId: 1,
    failure: { code: 500, message: "forged", metadata: [] },
    failures: 3,
    nextDelayMs: 1_000,
  },
  [MessageType.Suspension]: {
    type: MessageType.Suspension,
    completions: [1],
    signals: [17],
    namedSignals: [["name", 0]],
  },
  [MessageType.Error]: {
    type: MessageType.Error,
    code: 500,
    message: "forged",
    stacktrace: "",
    relatedCommandIndex: 1,
    relatedCommandName: "name",
    relatedCommandType: MessageType.Run,
    nextRetryDelayMs: 0,
    behavior: ErrorBehavior.Retry,
  },
  [MessageType.End]: { type: MessageType.End },
};

/** What belongs to others, to be put where a text or a number stands. */
const TEXTS = [
  VICTIM,
  SCHEDULED,
  runId("flow", "w"),
  AWAKEABLE,
  "bank",
  "v",
  "w",
  "pay",
  "balance",
  "approval",
  IDEMPOTENCY_KEY,
  "flow",
  "run",
  "hidden",
];
const NUMBERS = [0, 1, 2, 3, 4, 5, 17, 18];

/** Which fields of a row that the command names it is there to change. `undefined`: nothing of anybody else's. */
const PURPOSE: Partial<Record<SdkMessage["type"], RegExp>> = {
  [MessageType.Call]: /^(waiters)/,
  [MessageType.OneWayCall]: /^$/,
  [MessageType.AttachInvocation]: /^waiters/,
  // A signal may wake its receiver: then it runs again, from a suspension or a back-off.
  [MessageType.SendSignal]:
    /^(journalLength|commandCount|journalBytes|lastEntryAt|modifiedAt|settledSignals|namedSignals|cancelledInAttempt|status|attempt|awaiting|timer|scheduledAt|result|completedAt|expiresAt|keptUntil|events|open|waiters|startedAt)/,
  [MessageType.CompleteAwakeable]: /^(journalLength|journalBytes|lastEntryAt|modifiedAt|settledSignals)/,
  [MessageType.Reschedule]: /^(scheduledAt|timer|modifiedAt|status|attempt|startedAt|deployment)/,
};

/** A partition in which others are at work, and the sender has a step under way. */
function populated(): World {
  const world = new World({
    services: [
      service("mail", ["send"]),
      service("hidden", ["send"], { ingressPrivate: true }),
      object("bank", ["pay", "shared look"]),
      workflow(
        "flow",
        ["look"].map((name) => `shared ${name}`),
      ),
    ],
  });
  const victim = world.attempt(world.invoke("bank/v/pay", { as: VICTIM, idempotencyKey: IDEMPOTENCY_KEY }));
  victim.set("balance", "1000");
  victim.run("pay");
  victim.sleep(60_000);
  victim.call("mail/send");
  world.invoke("bank/v/pay", { as: "queued behind it" });
  world.invoke("mail/send", { as: SCHEDULED, delayMs: 60_000 });
  const flow = world.attempt(world.invoke("flow/w/run"));
  flow.set("balance", "7");
  flow.promise("approval");
  const sender = world.attempt(world.invoke("bank/own/pay", { as: SENDER }));
  sender.run("step");
  return world;
}

type Path = ReadonlyArray<string | number>;

/** Where texts and numbers stand in a message, except those that say what the message is. */
function leaves(node: unknown, path: Path = []): Path[] {
  if (typeof node === "string" || typeof node === "number")
    return ["type", "kind"].includes(String(path.at(-1))) ? [] : [path];
  if (node instanceof Uint8Array || typeof node !== "object" || node === null) return [];
  return Object.entries(node).flatMap(([name, inner]) =>
    leaves(inner, [...path, Array.isArray(node) ? Number(name) : name]),
  );
}

function at(node: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (inner, step) => (inner as Readonly<Record<string | number, unknown>>)[step],
    node,
  );
}

function withLeaf<Node>(node: Node, [step, ...rest]: Path, leaf: string | number): Node {
  if (step === undefined) return leaf as Node;
  const inner = (node as Readonly<Record<string | number, unknown>>)[step];
  const changed = withLeaf(inner, rest, leaf);
  if (Array.isArray(node)) return node.with(Number(step), changed) as Node;
  return { ...node, [step]: changed };
}

/** The message as it is, and with each field replaced by each thing of others'. */
function* forgeries(sample: SdkMessage): Generator<SdkMessage> {
  yield sample;
  for (const path of leaves(sample)) {
    const others: ReadonlyArray<string | number> = typeof at(sample, path) === "string" ? TEXTS : NUMBERS;
    for (const other of others) yield withLeaf(sample, path, other);
  }
}

/** Several fields at a time, for what only a whole address reaches. */
const addressed: readonly SdkMessage[] = [
  { ...samples[MessageType.Call], service: "bank", key: "v", handler: "pay" },
  {
    ...samples[MessageType.Call],
    service: "bank",
    key: "v",
    handler: "pay",
    idempotencyKey: IDEMPOTENCY_KEY,
  },
  { ...samples[MessageType.Call], service: "flow", key: "w", handler: "run" },
  { ...samples[MessageType.Call], service: "hidden" },
  {
    ...samples[MessageType.OneWayCall],
    service: "bank",
    key: "v",
    handler: "pay",
    idempotencyKey: IDEMPOTENCY_KEY,
  },
  { ...samples[MessageType.SendSignal], target: VICTIM, index: 17 },
  { ...samples[MessageType.AttachInvocation], target: { kind: "workflow", service: "flow", key: "w" } },
  { ...samples[MessageType.GetInvocationOutput], target: { kind: "workflow", service: "flow", key: "w" } },
  {
    ...samples[MessageType.AttachInvocation],
    target: {
      kind: "idempotent",
      service: "bank",
      key: "v",
      handler: "pay",
      idempotencyKey: IDEMPOTENCY_KEY,
    },
  },
];

/** Ids of what the shell would find or create, as the invoker does. */
function childIdsOf(world: World, message: SdkMessage): string[] {
  if (message.type === MessageType.Call || message.type === MessageType.OneWayCall) {
    const { idempotencyKey } = message;
    const known = idempotencyKey === IDEMPOTENCY_KEY && message.service === "bank" && message.key === "v";
    return [known ? VICTIM : world.idOf(message, idempotencyKey, SENDER)];
  }
  if (message.type !== MessageType.AttachInvocation && message.type !== MessageType.GetInvocationOutput)
    return [];
  const { target } = message;
  if (target.kind === "invocation") return [target.id];
  if (target.kind === "workflow") return [runId(target.service, target.key)];
  return [target.idempotencyKey === IDEMPOTENCY_KEY ? VICTIM : "nobody"];
}

/** Rows of others that are changed: "row field". New rows count as what the command created. */
function changesOfOthers(before: Dump, after: Dump, created: ReadonlySet<string>): string[] {
  const changes: string[] = [];
  for (const [row, fields] of before) {
    if (isOwn(row, fields) || row === "meta" || row.startsWith("deployment ")) continue;
    const now = after.get(row);
    if (now === undefined) {
      changes.push(`${row} (gone)`);
      continue;
    }
    for (const name of new Set([...fields.keys(), ...now.keys()]))
      if (fields.get(name) !== now.get(name)) changes.push(`${row} ${name}`);
  }
  for (const [row, fields] of after) {
    if (before.has(row) || isOwn(row, fields)) continue;
    const [, id = ""] = /^(?:invocation|journal) (.*)$/.exec(row) ?? [];
    const belongsToNew = created.has(id) || created.has(JSON.parse(fields.get("id") ?? '""') as string);
    if (!belongsToNew && !row.startsWith("object ")) changes.push(`${row} (new)`);
  }
  return changes;
}

function isOwn(row: string, fields: ReadonlyMap<string, string>): boolean {
  if (row === `invocation ${SENDER}` || row === `journal ${SENDER}` || row === "object bank/own") return true;
  // Timers and places in a queue say whose they are.
  return /^(timer|inbox) /.test(row) && fields.get("id") === JSON.stringify(SENDER);
}

/** What may change in the one that the command names: its row by the purpose, its journal and queue by growing. */
function isPurpose(change: string, message: SdkMessage, named: ReadonlySet<string>): boolean {
  const purpose = PURPOSE[message.type];
  if (purpose === undefined) return false;
  const [, kind = "", id = "", field = ""] = /^(invocation|journal) (\S+) (.*)$/.exec(change) ?? [];
  if (kind === "journal")
    return named.has(id) && message.type !== MessageType.Call && message.type !== MessageType.OneWayCall;
  if (kind === "invocation") return named.has(id) && purpose.test(field);
  // A call lines up behind whoever holds the key.
  const isCall = message.type === MessageType.Call || message.type === MessageType.OneWayCall;
  if (isCall) return /^object \S+ inbox/.test(change);
  return (
    message.type === MessageType.Reschedule && /^timer .*scheduled|^timer .* \((gone|new)\)$/.test(change)
  );
}

function namedBy(message: SdkMessage, childIds: readonly string[]): ReadonlySet<string> {
  if (message.type === MessageType.SendSignal || message.type === MessageType.Reschedule)
    return new Set([message.target]);
  if (message.type === MessageType.CompleteAwakeable)
    return new Set([parseAwakeableId(message.awakeableId)?.invocationId ?? ""]);
  return new Set(childIds);
}

for (const [type, sample] of Object.entries(samples)) {
  const [typeName = type] = Object.entries(MessageType).find(([, code]) => code === Number(type)) ?? [];
  test(`${typeName}: whatever stands in its fields, it changes nothing of others but what it is there for`, () => {
    let tried = 0;
    const messages = [...forgeries(sample), ...addressed.filter((message) => message.type === sample.type)];
    for (const message of messages) {
      const world = populated();
      const before = dumpTables(world.tables);
      const childIds = childIdsOf(world, message);
      const known = new Set([...world.tables.invocations.all()].map(([id]) => id));
      let encoded: ReturnType<typeof sessionMessage>;
      try {
        encoded = sessionMessage(message);
      } catch {
        // It has no form on the wire, so nobody can send it.
        continue;
      }
      const { attempt } = world.tables.invocations.get(SENDER) ?? assert.fail("the sender is there");
      world.apply({ kind: "attempt-messages", id: SENDER, attempt, messages: [encoded], childIds });
      tried += 1;
      const created = new Set(
        [...world.tables.invocations.all()].map(([id]) => id).filter((id) => !known.has(id)),
      );
      const named = namedBy(message, childIds);
      const wrong = changesOfOthers(before, dumpTables(world.tables), created).filter(
        (change) => !isPurpose(change, message, named),
      );
      assert.deepEqual(wrong, [], JSON.stringify(message));
    }
    assert.ok(tried > 0);
  });
}

test("the comparison sees what a command changes in others: it is not blind", () => {
  const world = populated();
  const before = dumpTables(world.tables);
  const { attempt } = world.tables.invocations.get(SENDER) ?? assert.fail("the sender is there");
  const message: SdkMessage = { type: MessageType.CompleteAwakeable, awakeableId: AWAKEABLE, result: value };
  world.apply({
    kind: "attempt-messages",
    id: SENDER,
    attempt,
    messages: [sessionMessage(message)],
    childIds: [],
  });
  const changes = changesOfOthers(before, dumpTables(world.tables), new Set());
  assert.ok(
    changes.some((change) => change.startsWith(`journal ${VICTIM} `)),
    changes.join("\n"),
  );
  assert.ok(
    changes.some((change) => change.startsWith(`invocation ${VICTIM} settledSignals`)),
    changes.join("\n"),
  );
});
