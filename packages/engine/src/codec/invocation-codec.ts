/**
 * Encoding of an invocation's row. Format history: 1 first version; 2 failures since the newest command; 3 version of
 * Restate's protocol. An unknown version is refused. A row is written in the oldest format that has room for it, so that a
 * server of before can read it.
 */
import { EVENTS_MAX } from "../limits.ts";
import type { Invocation, InvocationEvent, InvocationStatus, OpenOperation, Waiter } from "../tables/rows.ts";
import { BinaryReader, BinaryWriter } from "./binary.ts";
import { readOptionalResult, writeOptionalResult } from "./result-codec.ts";
import { checkVersion } from "./row-version.ts";
import { readSource, readTarget, readWord, writeSource, writeTarget, writeWord } from "./target-codec.ts";

const NEWEST_VERSION = 3;

/** Codes on disk. Append only. */
const STATUSES: readonly InvocationStatus[] = [
  "scheduled",
  "queued",
  "running",
  "backing-off",
  "suspended",
  "paused",
  "completed",
];
const OPEN_KINDS: ReadonlyArray<OpenOperation["kind"]> = ["run", "sleep", "call", "promise", "attach"];
const WAITER_KINDS: ReadonlyArray<Waiter["kind"]> = ["call", "attach"];
const EVENT_KINDS: ReadonlyArray<InvocationEvent["kind"]> = [
  "attempt-failed",
  "paused",
  "resumed",
  "suspended",
  "cancel-requested",
];

const writer = new BinaryWriter();

/** Starts a row, whatever a write that failed may have left. */
function begin(version: number): void {
  writer.truncate(0);
  writer.byte(version);
}

function versionFor({ failuresSinceCommand, restateVersion }: Invocation): number {
  if (restateVersion > 0) return 3;
  return failuresSinceCommand > 0 ? 2 : 1;
}

export function encodeInvocation(row: Invocation): Uint8Array {
  const version = versionFor(row);
  begin(version);
  writer.string(row.id);
  writeTarget(writer, row.target);
  writeSource(writer, row.source);
  writer.optionalString(row.idempotencyKey);
  writer.uint(row.inputHash);
  writer.optionalString(row.seedId === row.id ? undefined : row.seedId);
  writer.uint(row.createdAt);
  writer.uint(row.modifiedAt);
  writeWord(writer, STATUSES, row.status);
  writer.uint(row.scheduledAt);
  writer.uint(row.startedAt);
  writer.uint(row.completedAt);
  writer.optionalString(row.deployment);
  writer.uint(row.attempt);
  writer.uint(row.retryCount);
  writer.uint(row.nextRetryAt);
  writer.string(row.timer);
  writer.uint(row.inboxSeq);
  writeAwaiting(row.awaiting);
  writer.bool(row.lastFailure !== undefined);
  if (row.lastFailure !== undefined) writeEvent(row.lastFailure);
  writer.uint(row.events.length);
  for (const event of row.events) writeEvent(event);
  writeOpen(row.open);
  writer.uint(row.waiters.length);
  for (const waiter of row.waiters) {
    writer.string(waiter.id);
    writer.uint(waiter.completionId);
    writeWord(writer, WAITER_KINDS, waiter.kind);
  }
  writeNumbers([...row.settledSignals]);
  writer.uint(row.namedSignals.size);
  for (const [name, count] of row.namedSignals) {
    writer.string(name);
    writer.uint(count);
  }
  writer.uint(row.cancelledInAttempt);
  writeOptionalResult(writer, row.output);
  writeOptionalResult(writer, row.result);
  writer.uint(row.expiresAt);
  writer.uint(row.keptUntil);
  writer.string(row.recordedOn);
  writer.uint(row.lostAttempts);
  writer.uint(row.journalLength);
  writer.uint(row.commandCount);
  writer.uint(row.journalBytes);
  writer.uint(row.lastEntryAt);
  writeNumbers(row.chunks);
  if (version >= 2) writer.uint(row.failuresSinceCommand);
  if (version >= 3) writer.uint(row.restateVersion);
  return writer.takeShared();
}

function writeAwaiting(awaiting: Invocation["awaiting"]): void {
  writer.bool(awaiting !== undefined);
  if (awaiting === undefined) return;
  writeNumbers(awaiting.completions);
  writeNumbers(awaiting.signals);
  writer.uint(awaiting.namedSignals.length);
  for (const [name, consumed] of awaiting.namedSignals) {
    writer.string(name);
    writer.uint(consumed);
  }
}

function writeEvent(event: InvocationEvent): void {
  writeWord(writer, EVENT_KINDS, event.kind);
  writer.uint(event.at);
  writer.uint(event.afterEntry);
  writer.string(event.code);
  writer.string(event.message);
  writer.string(event.stacktrace);
  writer.uint(event.relatedCommandIndex + 1);
  writer.string(event.relatedCommandName);
  writer.uint(event.count);
}

function writeOpen(open: Invocation["open"]): void {
  writer.uint(open.size);
  for (const [completionId, operation] of open) {
    writer.uint(completionId);
    writeWord(writer, OPEN_KINDS, operation.kind);
    writer.string(operation.detail);
    writer.uint(operation.since);
    writer.string(operation.timer);
    writer.uint(operation.failures);
    writer.string(operation.lastFailure);
    writer.uint(operation.nextTryAt);
  }
}

function writeNumbers(numbers: readonly number[]): void {
  writer.uint(numbers.length);
  for (const number of numbers) writer.uint(number);
}

function readNumbers(reader: BinaryReader): number[] {
  const count = reader.uint();
  const numbers: number[] = [];
  for (let i = 0; i < count; i++) numbers.push(reader.uint());
  return numbers;
}

function readList<T>(reader: BinaryReader, readOne: (reader: BinaryReader) => T): T[] {
  const count = reader.uint();
  const list: T[] = [];
  for (let i = 0; i < count; i++) list.push(readOne(reader));
  return list;
}

export function decodeInvocation(value: Uint8Array): Invocation {
  const reader = new BinaryReader(value);
  const version = checkVersion(reader, NEWEST_VERSION, "An invocation");
  const id = reader.string();
  return {
    id,
    target: readTarget(reader),
    source: readSource(reader),
    idempotencyKey: reader.optionalString(),
    inputHash: reader.uint(),
    seedId: reader.optionalString() ?? id,
    createdAt: reader.uint(),
    modifiedAt: reader.uint(),
    status: readWord(reader, STATUSES),
    scheduledAt: reader.uint(),
    startedAt: reader.uint(),
    completedAt: reader.uint(),
    deployment: reader.optionalString(),
    attempt: reader.uint(),
    retryCount: reader.uint(),
    nextRetryAt: reader.uint(),
    timer: reader.string(),
    inboxSeq: reader.uint(),
    awaiting: readAwaiting(reader),
    lastFailure: reader.bool() ? readEvent(reader) : undefined,
    events: readList(reader, readEvent).slice(-EVENTS_MAX),
    open: new Map(readList(reader, readOpen)),
    waiters: readList(reader, readWaiter),
    settledSignals: new Set(readNumbers(reader)),
    namedSignals: new Map(readList(reader, (r) => [r.string(), r.uint()] as const)),
    cancelledInAttempt: reader.uint(),
    output: readOptionalResult(reader),
    result: readOptionalResult(reader),
    expiresAt: reader.uint(),
    keptUntil: reader.uint(),
    recordedOn: reader.string(),
    lostAttempts: reader.uint(),
    journalLength: reader.uint(),
    commandCount: reader.uint(),
    journalBytes: reader.uint(),
    lastEntryAt: reader.uint(),
    tail: [],
    storing: 0,
    chunks: readNumbers(reader),
    failuresSinceCommand: version < 2 ? 0 : reader.uint(),
    restateVersion: version < 3 ? 0 : reader.uint(),
  };
}

function readAwaiting(reader: BinaryReader): Invocation["awaiting"] {
  if (!reader.bool()) return undefined;
  return {
    completions: readNumbers(reader),
    signals: readNumbers(reader),
    namedSignals: readList(reader, (r) => [r.string(), r.uint()] as const),
  };
}

function readEvent(reader: BinaryReader): InvocationEvent {
  return {
    kind: readWord(reader, EVENT_KINDS),
    at: reader.uint(),
    afterEntry: reader.uint(),
    code: reader.string(),
    message: reader.string(),
    stacktrace: reader.string(),
    relatedCommandIndex: reader.uint() - 1,
    relatedCommandName: reader.string(),
    count: reader.uint(),
  };
}

function readOpen(reader: BinaryReader): readonly [number, OpenOperation] {
  const completionId = reader.uint();
  return [
    completionId,
    {
      kind: readWord(reader, OPEN_KINDS),
      detail: reader.string(),
      since: reader.uint(),
      timer: reader.string(),
      failures: reader.uint(),
      lastFailure: reader.string(),
      nextTryAt: reader.uint(),
    },
  ];
}

function readWaiter(reader: BinaryReader): Waiter {
  return { id: reader.string(), completionId: reader.uint(), kind: readWord(reader, WAITER_KINDS) };
}
