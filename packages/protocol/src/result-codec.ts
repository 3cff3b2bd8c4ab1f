/** Encodings shared by many messages: failures, results, headers and what every command may carry. */

import type { CommandMeta, Failure, Header, Result } from "./message.ts";
import type { ProtobufReader } from "./protobuf-reader.ts";
import type { ProtobufWriter } from "./protobuf-writer.ts";
import { ProtocolError } from "./protocol-error.ts";

/** The same type with its properties assignable, for a message that is being read field by field. */
export type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export const EMPTY_BYTES: Uint8Array = new Uint8Array(0);
export const VOID_RESULT: Result = { kind: "void" };

const NAME_FIELD = 12;
const CALL_SITE_FIELD = 101;
const INPUT_HASH_FIELD = 102;

/** Field numbers of a result's variants in one message; 0 where the message has no such field. */
export type ResultFields = { readonly void: number; readonly value: number; readonly failure: number };

/**
 * Writes a result. Where the message has no field for void, void is the absence of the others: Restate has no void there,
 * and its SDKs always send one of the others.
 */
export function writeResult(writer: ProtobufWriter, fields: ResultFields, result: Result): void {
  switch (result.kind) {
    case "value":
      return writer.wrappedBytes(fields.value, result.value);
    case "failure":
      return writeFailure(writer, fields.failure, result.failure);
    case "void":
      if (fields.void !== 0) writer.presentBytes(fields.void, EMPTY_BYTES);
  }
}

/** The result in the field that `reader.next()` announced, or undefined when that field is no part of the result. */
export function readResult(reader: ProtobufReader, fields: ResultFields, field: number): Result | undefined {
  if (field === fields.value) return { kind: "value", value: reader.wrappedBytes() };
  if (field === fields.failure) return { kind: "failure", failure: readFailure(reader) };
  if (field !== fields.void) return undefined;
  reader.bytes();
  return VOID_RESULT;
}

export function writeFailure(writer: ProtobufWriter, field: number, failure: Failure): void {
  const mark = writer.begin(field);
  writer.uint32(1, failure.code);
  writer.string(2, failure.message);
  if (failure.metadata !== undefined) writePairs(writer, 3, failure.metadata);
  writer.end(mark);
}

export function readFailure(reader: ProtobufReader): Failure {
  const failure: Mutable<Failure> = { code: 0, message: "" };
  let metadata: Header[] | undefined;
  const outer = reader.enter();
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) failure.code = reader.uint32();
    else if (field === 2) failure.message = reader.string();
    else if (field === 3) (metadata ??= []).push(readPair(reader));
    else reader.skip();
  }
  reader.leave(outer);
  if (metadata !== undefined) failure.metadata = metadata;
  return failure;
}

export function writePairs(writer: ProtobufWriter, field: number, pairs: readonly Header[]): void {
  for (const [key, value] of pairs) {
    const mark = writer.begin(field);
    writer.string(1, key);
    writer.string(2, value);
    writer.end(mark);
  }
}

export function readPair(reader: ProtobufReader): Header {
  let key = "";
  let value = "";
  const outer = reader.enter();
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) key = reader.string();
    else if (field === 2) value = reader.string();
    else reader.skip();
  }
  reader.leave(outer);
  return [key, value];
}

/** Writes what any command may carry. */
export function writeMeta(writer: ProtobufWriter, meta: CommandMeta): void {
  if (meta.name !== undefined) writer.string(NAME_FIELD, meta.name);
  if (meta.callSite !== undefined) writer.string(CALL_SITE_FIELD, meta.callSite);
  if (meta.inputHash !== undefined) writer.fixed32(INPUT_HASH_FIELD, meta.inputHash);
}

/** Takes the field that `reader.next()` announced into `meta`, or skips it. An empty name is no name. */
export function readMeta(reader: ProtobufReader, field: number, meta: Mutable<CommandMeta>): void {
  switch (field) {
    case NAME_FIELD: {
      const name = reader.string();
      if (name !== "") meta.name = name;
      return;
    }
    case CALL_SITE_FIELD: {
      const callSite = reader.string();
      if (callSite !== "") meta.callSite = callSite;
      return;
    }
    case INPUT_HASH_FIELD:
      meta.inputHash = reader.fixed32();
      return;
    default:
      reader.skip();
  }
}

/** Completion ids count from 1, so a 0 is a field that was not sent. */
export function requireCompletionId(id: number, message: string): void {
  if (id === 0) throw new ProtocolError("field-missing", `${message} has no completion id`);
}
