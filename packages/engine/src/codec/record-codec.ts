/**
 * Encoding of the log's records. A batch's payload is the concatenation of its records, each `version, kind, at, fields`.
 *
 * Format history: 1 first version.
 * An unknown version or kind halts recovery: it was written by a newer program, and skipping a record would be a different
 * history.
 */
import { isCommandType, isNotificationType, type EndpointManifest } from "@holdfast/protocol";

import type { FoldSettings } from "../limits.ts";
import type { LogRecord, PatchStateRecord, RecordBody, SessionMessage } from "../record.ts";
import type { ServiceOverrides } from "../tables/rows.ts";
import { BinaryReader, type BinaryWriter, DecodeError } from "./binary.ts";
import { readResult, writeResult } from "./result-codec.ts";
import { readSource, readTarget, writeSource, writeTarget } from "./target-codec.ts";

export const RECORD_FORMAT_VERSION = 1;

/** Codes on disk. Append only. */
const KINDS: ReadonlyArray<RecordBody["kind"]> = [
  "engine-started",
  "invoke",
  "attempt-messages",
  "attempt-lost",
  "timers-fired",
  "signal",
  "complete-promise",
  "cancel",
  "kill",
  "pause",
  "resume",
  "restart",
  "purge",
  "reschedule",
  "expire",
  "register-deployment",
  "remove-deployment",
  "patch-state",
  "configure-service",
  "update-deployment",
];
const KIND_CODES = new Map(KINDS.map((kind, code) => [kind, code]));

export class RecordVersionError extends Error {
  override readonly name = "RecordVersionError";
}

/** Appends a record to a batch. One that cannot be written throws and leaves the batch as it was. */
export function encodeRecord(writer: BinaryWriter, record: LogRecord): void {
  const { body } = record;
  const start = writer.length;
  try {
    writer.byte(RECORD_FORMAT_VERSION);
    writer.byte(KIND_CODES.get(body.kind) as number);
    writer.uint(record.at);
    encodeBody(writer, body);
  } catch (error) {
    writer.truncate(start);
    throw error;
  }
}

function encodeBody(writer: BinaryWriter, body: RecordBody): void {
  switch (body.kind) {
    case "engine-started":
      writer.uint(body.epoch);
      writer.string(JSON.stringify(body.settings));
      return;
    case "invoke":
      writer.string(body.id);
      writeTarget(writer, body.target);
      writer.bytes(body.input);
      writer.uint(body.inputHash);
      writer.optionalString(body.idempotencyKey);
      writer.uint(body.startAt);
      writeSource(writer, body.source);
      return;
    case "attempt-messages":
      writer.string(body.id);
      writer.uint(body.attempt);
      writeMessages(writer, body.messages);
      writeStrings(writer, body.childIds);
      return;
    case "attempt-lost":
      writer.string(body.id);
      writer.uint(body.attempt);
      writer.string(body.code);
      writer.string(body.message);
      writer.bool(body.counted);
      writer.bool(body.pause);
      writer.uint(body.retryDelayMs + 1);
      return;
    case "timers-fired":
      writeStrings(writer, body.keys);
      return;
    case "signal":
      writer.string(body.id);
      writer.uint(body.index ?? 0);
      writer.optionalString(body.name);
      writeResult(writer, body.result);
      writer.string(body.cause);
      return;
    case "complete-promise":
      writer.string(body.service);
      writer.string(body.key);
      writer.string(body.name);
      writeResult(writer, body.result);
      return;
    default:
      encodeOperatorBody(writer, body);
  }
}

type HandlerSideKind =
  | "engine-started"
  | "invoke"
  | "attempt-messages"
  | "attempt-lost"
  | "timers-fired"
  | "signal"
  | "complete-promise";
type OperatorBody = Exclude<RecordBody, { kind: HandlerSideKind }>;

function encodeOperatorBody(writer: BinaryWriter, body: OperatorBody): void {
  switch (body.kind) {
    case "cancel":
    case "kill":
    case "pause":
      writer.string(body.id);
      return;
    case "resume":
      writer.string(body.id);
      writer.optionalString(body.deployment);
      return;
    case "restart":
      writer.string(body.id);
      writer.string(body.newId);
      writer.uint(body.fromCommand);
      writer.optionalString(body.deployment);
      return;
    case "purge":
      writer.string(body.id);
      writer.bool(body.journalOnly);
      return;
    case "reschedule":
      writer.string(body.id);
      writer.uint(body.startAt);
      return;
    case "expire":
      writeStrings(writer, body.ids);
      writer.bool(body.budget);
      return;
    case "register-deployment":
      writer.string(body.id);
      writer.string(body.url);
      writer.string(JSON.stringify(body.manifest));
      writer.string(JSON.stringify(body.metadata));
      writer.string(JSON.stringify(body.headers));
      writer.bool(body.force);
      writer.bool(body.breaking);
      writer.bool(body.dryRun);
      return;
    case "remove-deployment":
      writer.string(body.id);
      writer.bool(body.force);
      return;
    case "patch-state":
      writePatchState(writer, body);
      return;
    case "configure-service":
      writer.string(body.service);
      writer.string(JSON.stringify(body.options));
      return;
    case "update-deployment":
      writer.string(body.id);
      writer.string(body.url);
      writer.string(JSON.stringify(body.headers));
      writer.string(JSON.stringify(body.manifest));
  }
}

function writePatchState(writer: BinaryWriter, body: PatchStateRecord): void {
  writer.string(body.service);
  writer.string(body.key);
  writer.uint(body.expectedVersion + 1);
  writer.uint(body.entries.length);
  for (const [key, value] of body.entries) {
    writer.string(key);
    writer.bytes(value);
  }
}

function writeMessages(writer: BinaryWriter, messages: readonly SessionMessage[]): void {
  writer.uint(messages.length);
  for (const { type, body } of messages) {
    writer.uint(type);
    writer.bytes(body);
  }
}

function writeStrings(writer: BinaryWriter, strings: readonly string[]): void {
  writer.uint(strings.length);
  for (const text of strings) writer.string(text);
}

function readStrings(reader: BinaryReader): string[] {
  const count = reader.uint();
  const strings: string[] = [];
  for (let i = 0; i < count; i++) strings.push(reader.string());
  return strings;
}

function readMessages(reader: BinaryReader): SessionMessage[] {
  const count = reader.uint();
  const messages: SessionMessage[] = [];
  for (let i = 0; i < count; i++) {
    const type = reader.uint();
    if (type > 0xffff) throw new DecodeError(`Not a message type: ${type}`);
    messages.push({ type, body: reader.bytes(), message: undefined });
  }
  return messages;
}

/** The records of one batch, in order. Byte fields are views into `payload`. */
export function decodeRecords(payload: Uint8Array): LogRecord[] {
  const reader = new BinaryReader(payload);
  const records: LogRecord[] = [];
  while (!reader.done) records.push(decodeRecord(reader));
  return records;
}

function decodeRecord(reader: BinaryReader): LogRecord {
  const version = reader.byte();
  if (version !== RECORD_FORMAT_VERSION) {
    throw new RecordVersionError(
      `The log holds a record of format ${version}; this program reads format ${RECORD_FORMAT_VERSION}. Start a newer Holdfast on this directory.`,
    );
  }
  const code = reader.byte();
  const kind = KINDS[code];
  if (kind === undefined) {
    throw new RecordVersionError(
      `The log holds a record of unknown kind ${code}. Start a newer Holdfast on this directory.`,
    );
  }
  const at = reader.uint();
  return { at, body: decodeBody(reader, kind) };
}

function decodeBody(reader: BinaryReader, kind: RecordBody["kind"]): RecordBody {
  switch (kind) {
    case "engine-started":
      return { kind, epoch: reader.uint(), settings: reader.json() as FoldSettings };
    case "invoke":
      return {
        kind,
        id: reader.string(),
        target: readTarget(reader),
        input: reader.bytes(),
        inputHash: reader.uint(),
        idempotencyKey: reader.optionalString(),
        startAt: reader.uint(),
        source: readSource(reader),
      };
    case "attempt-messages":
      return {
        kind,
        id: reader.string(),
        attempt: reader.uint(),
        messages: readMessages(reader),
        childIds: readStrings(reader),
      };
    case "attempt-lost":
      return {
        kind,
        id: reader.string(),
        attempt: reader.uint(),
        code: reader.string(),
        message: reader.string(),
        counted: reader.bool(),
        pause: reader.bool(),
        retryDelayMs: reader.uint() - 1,
      };
    case "timers-fired":
      return { kind, keys: readStrings(reader) };
    case "signal":
      return readSignal(reader);
    case "complete-promise":
      return {
        kind,
        service: reader.string(),
        key: reader.string(),
        name: reader.string(),
        result: readResult(reader),
      };
    default:
      return decodeOperatorBody(reader, kind);
  }
}

function readSignal(reader: BinaryReader): RecordBody {
  const id = reader.string();
  const index = reader.uint();
  return {
    kind: "signal",
    id,
    index: index === 0 ? undefined : index,
    name: reader.optionalString(),
    result: readResult(reader),
    cause: reader.string(),
  };
}

function decodeOperatorBody(reader: BinaryReader, kind: OperatorBody["kind"]): RecordBody {
  switch (kind) {
    case "cancel":
    case "kill":
    case "pause":
      return { kind, id: reader.string() };
    case "resume":
      return { kind, id: reader.string(), deployment: reader.optionalString() };
    case "restart":
      return {
        kind,
        id: reader.string(),
        newId: reader.string(),
        fromCommand: reader.uint(),
        deployment: reader.optionalString(),
      };
    case "purge":
      return { kind, id: reader.string(), journalOnly: reader.bool() };
    case "reschedule":
      return { kind, id: reader.string(), startAt: reader.uint() };
    case "expire":
      return { kind, ids: readStrings(reader), budget: reader.bool() };
    case "register-deployment":
      return {
        kind,
        id: reader.string(),
        url: reader.string(),
        manifest: reader.json() as EndpointManifest,
        metadata: reader.json() as Record<string, string>,
        headers: reader.json() as Record<string, string>,
        force: reader.bool(),
        breaking: reader.bool(),
        dryRun: reader.bool(),
      };
    case "remove-deployment":
      return { kind, id: reader.string(), force: reader.bool() };
    case "patch-state":
      return readPatchState(reader);
    case "configure-service":
      return { kind, service: reader.string(), options: reader.json() as ServiceOverrides };
    case "update-deployment":
      return {
        kind,
        id: reader.string(),
        url: reader.string(),
        headers: reader.json() as Record<string, string>,
        manifest: reader.json() as EndpointManifest,
      };
  }
}

function readPatchState(reader: BinaryReader): RecordBody {
  const service = reader.string();
  const key = reader.string();
  const expectedVersion = reader.uint() - 1;
  const count = reader.uint();
  const entries: Array<readonly [string, Uint8Array]> = [];
  for (let i = 0; i < count; i++) entries.push([reader.string(), reader.bytes()]);
  return { kind: "patch-state", service, key, expectedVersion, entries };
}

/** Whether a message type belongs into a journal, rather than steering the session. */
export function isJournalType(type: number): boolean {
  return isCommandType(type) || isNotificationType(type);
}
