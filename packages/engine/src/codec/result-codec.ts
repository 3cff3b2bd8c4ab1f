/** Results and failures inside records and rows. */
import type { Failure, Result } from "@holdfast/protocol";

import { DecodeError, type BinaryReader, type BinaryWriter } from "./binary.ts";

export function writeFailure(writer: BinaryWriter, failure: Failure): void {
  writer.uint(failure.code);
  writer.string(failure.message);
  const metadata = failure.metadata ?? [];
  writer.uint(metadata.length);
  for (const [key, value] of metadata) {
    writer.string(key);
    writer.string(value);
  }
}

export function readFailure(reader: BinaryReader): Failure {
  const code = reader.uint();
  const message = reader.string();
  const count = reader.uint();
  if (count === 0) return { code, message };
  const metadata: Array<readonly [string, string]> = [];
  for (let i = 0; i < count; i++) metadata.push([reader.string(), reader.string()]);
  return { code, message, metadata };
}

export function writeResult(writer: BinaryWriter, result: Result): void {
  switch (result.kind) {
    case "void":
      writer.byte(0);
      return;
    case "value":
      writer.byte(1);
      writer.bytes(result.value);
      return;
    case "failure":
      writer.byte(2);
      writeFailure(writer, result.failure);
  }
}

export function readResult(reader: BinaryReader): Result {
  const kind = reader.byte();
  if (kind === 0) return { kind: "void" };
  if (kind === 1) return { kind: "value", value: reader.bytes() };
  if (kind === 2) return { kind: "failure", failure: readFailure(reader) };
  throw new DecodeError(`Unknown result kind ${kind}`);
}

export function writeOptionalResult(writer: BinaryWriter, result: Result | undefined): void {
  writer.bool(result !== undefined);
  if (result !== undefined) writeResult(writer, result);
}

export function readOptionalResult(reader: BinaryReader): Result | undefined {
  return reader.bool() ? readResult(reader) : undefined;
}
