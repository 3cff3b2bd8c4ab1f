/** Encoding of the smaller rows. Format history: 1 first version of each; 2 of a deployment, with overrides of options. */
import type { EndpointManifest } from "@holdfast/protocol";

import type {
  DeploymentRow,
  InboxRow,
  MetaRow,
  ObjectRow,
  PromiseRow,
  ServiceOverrides,
  TimerRow,
} from "../tables/rows.ts";
import { BinaryReader, BinaryWriter, DecodeError } from "./binary.ts";
import { readOptionalResult, writeOptionalResult } from "./result-codec.ts";
import { checkVersion } from "./row-version.ts";
import { readWord, writeWord } from "./target-codec.ts";

const VERSION = 1;
const DEPLOYMENT_VERSION = 2;
const TIMER_KINDS: ReadonlyArray<TimerRow["kind"]> = ["sleep", "start", "retry"];

const writer = new BinaryWriter();

/** Starts a row, whatever a write that failed may have left. */
function begin(version = VERSION): void {
  writer.truncate(0);
  writer.byte(version);
}

function open(value: Uint8Array, what: string): BinaryReader {
  const reader = new BinaryReader(value);
  checkVersion(reader, VERSION, what);
  return reader;
}

export function encodeObject(row: ObjectRow): Uint8Array {
  begin();
  writer.optionalString(row.holder);
  writer.uint(row.inboxHead);
  writer.uint(row.inboxTail);
  writer.uint(row.inboxLength);
  writer.uint(row.state.size);
  for (const [key, value] of row.state) {
    writer.string(key);
    writer.bytes(value);
  }
  writer.uint(row.stateVersion);
  writer.optionalString(row.runId);
  writer.uint(row.promises.size);
  for (const [name, promise] of row.promises) {
    writer.string(name);
    writeOptionalResult(writer, promise.result);
    writer.uint(promise.settledAt);
    writer.uint(promise.waiters.length);
    for (const waiter of promise.waiters) {
      writer.string(waiter.id);
      writer.uint(waiter.completionId);
    }
  }
  return writer.takeShared();
}

export function decodeObject(value: Uint8Array): ObjectRow {
  const reader = open(value, "An object");
  const holder = reader.optionalString();
  const inboxHead = reader.uint();
  const inboxTail = reader.uint();
  const inboxLength = reader.uint();
  const state = new Map<string, Uint8Array>();
  let stateBytes = 0;
  const entries = reader.uint();
  for (let i = entries; i > 0; i--) {
    const key = reader.string();
    const bytes = reader.bytes();
    state.set(key, bytes);
    stateBytes += key.length + bytes.length;
  }
  if (state.size !== entries) throw new DecodeError("An object has a state key twice");
  const stateVersion = reader.uint();
  const runId = reader.optionalString();
  const promises = new Map<string, PromiseRow>();
  for (let i = reader.uint(); i > 0; i--) promises.set(reader.string(), readPromise(reader));
  return { holder, inboxHead, inboxTail, inboxLength, state, stateBytes, stateVersion, runId, promises };
}

function readPromise(reader: BinaryReader): PromiseRow {
  const result = readOptionalResult(reader);
  const settledAt = reader.uint();
  const waiters: Array<{ id: string; completionId: number }> = [];
  for (let i = reader.uint(); i > 0; i--) waiters.push({ id: reader.string(), completionId: reader.uint() });
  return { result, settledAt, waiters };
}

export function encodeInbox(row: InboxRow): Uint8Array {
  begin();
  writer.string(row.id);
  return writer.takeShared();
}

export function decodeInbox(value: Uint8Array): InboxRow {
  return { id: open(value, "An inbox entry").string() };
}

export function encodeTimer(row: TimerRow): Uint8Array {
  begin();
  writeWord(writer, TIMER_KINDS, row.kind);
  writer.string(row.id);
  writer.uint(row.completionId);
  return writer.takeShared();
}

export function decodeTimer(value: Uint8Array): TimerRow {
  const reader = open(value, "A timer");
  return { kind: readWord(reader, TIMER_KINDS), id: reader.string(), completionId: reader.uint() };
}

/** In its first form while nothing is overridden, so that older programs go on reading it. */
export function encodeDeployment(row: DeploymentRow): Uint8Array {
  const hasOverrides = Object.keys(row.overrides).length > 0;
  begin(hasOverrides ? DEPLOYMENT_VERSION : VERSION);
  writer.string(row.id);
  writer.string(row.url);
  writer.string(JSON.stringify(row.manifest));
  writer.uint(row.createdAt);
  writer.string(JSON.stringify(row.metadata));
  writer.string(JSON.stringify(row.headers));
  writer.string(JSON.stringify(row.revisions));
  writer.uint(row.live);
  if (hasOverrides) writer.string(JSON.stringify(row.overrides));
  return writer.takeShared();
}

export function decodeDeployment(value: Uint8Array): DeploymentRow {
  const reader = new BinaryReader(value);
  const version = checkVersion(reader, DEPLOYMENT_VERSION, "A deployment");
  return {
    id: reader.string(),
    url: reader.string(),
    manifest: reader.json() as EndpointManifest,
    createdAt: reader.uint(),
    metadata: reader.json() as Record<string, string>,
    headers: reader.json() as Record<string, string>,
    revisions: reader.json() as Record<string, number>,
    live: reader.uint(),
    overrides: version === 1 ? {} : (reader.json() as Record<string, ServiceOverrides>),
  };
}

export function encodeMeta(row: MetaRow): Uint8Array {
  begin();
  writer.uint(row.now);
  writer.uint(row.nextTimerSeq);
  writer.uint(row.epoch);
  writer.string(row.settingsJson);
  return writer.takeShared();
}

export function decodeMeta(value: Uint8Array): MetaRow {
  const reader = open(value, "The partition's meta row");
  return {
    now: reader.uint(),
    nextTimerSeq: reader.uint(),
    epoch: reader.uint(),
    settingsJson: reader.string(),
  };
}
