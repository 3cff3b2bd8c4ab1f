/** Targets and sources of invocations inside records and rows. */
import type { HandlerKind } from "@holdfast/protocol";

import { AssertionFailedError } from "../assert.ts";
import type { InvocationSource, Target } from "../tables/rows.ts";
import { DecodeError, type BinaryReader, type BinaryWriter } from "./binary.ts";

/** Position in the list is the code on disk: append only. */
const HANDLER_KINDS: readonly HandlerKind[] = ["plain", "exclusive", "shared", "run"];
const SOURCE_KINDS: ReadonlyArray<InvocationSource["kind"]> = ["ingress", "invocation", "restart"];

/** Writes a word as its place in a fixed, append-only list. */
export function writeWord<T extends string>(writer: BinaryWriter, words: readonly T[], word: T): void {
  const code = words.indexOf(word);
  if (code < 0) throw new AssertionFailedError(`unknown word "${word}", expected one of ${words.join(", ")}`);
  writer.byte(code);
}

export function readWord<T extends string>(reader: BinaryReader, words: readonly T[]): T {
  const code = reader.byte();
  const word = words[code];
  if (word === undefined) throw new DecodeError(`Unknown code ${code}, expected one of ${words.join(", ")}`);
  return word;
}

export function writeTarget(writer: BinaryWriter, target: Target): void {
  writer.string(target.service);
  writer.string(target.handler);
  writer.string(target.key);
  writeWord(writer, HANDLER_KINDS, target.kind);
}

export function readTarget(reader: BinaryReader): Target {
  return {
    service: reader.string(),
    handler: reader.string(),
    key: reader.string(),
    kind: readWord(reader, HANDLER_KINDS),
  };
}

export function writeSource(writer: BinaryWriter, source: InvocationSource): void {
  writeWord(writer, SOURCE_KINDS, source.kind);
  writer.string(source.id);
}

export function readSource(reader: BinaryReader): InvocationSource {
  return { kind: readWord(reader, SOURCE_KINDS), id: reader.string() };
}
