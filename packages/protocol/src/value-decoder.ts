/** Reads what `value-encoder.ts` writes, and any other JSON. */

import { decodeBase64 } from "./base64url.ts";
import { adoptErrorClass } from "./error-class-registry.ts";
import { VALUE_DEPTH_MAX } from "./value-encoder.ts";
import { ValueDecodeError } from "./value-error.ts";

const textDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * The value that bytes stand for; `undefined` for none. Throws ValueDecodeError. An object with a single key that begins
 * with "$" but is none of ours (`{"$ref":…}` of a foreign caller) is an ordinary object.
 */
export function decodeValue(bytes: Uint8Array): unknown {
  if (bytes.length === 0) return undefined;
  let parsed: unknown;
  let text: string;
  try {
    text = textDecoder.decode(bytes);
    parsed = JSON.parse(text);
  } catch (cause) {
    throw new ValueDecodeError("The stored value is not JSON in UTF-8", { cause });
  }
  // The search for one character is several times as fast as the one for two, and mostly enough.
  return text.includes("$") && text.includes('"$') ? revive(parsed, 0) : parsed;
}

function revive(value: unknown, depth: number): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (depth > VALUE_DEPTH_MAX * 2) throw new ValueDecodeError("The stored value is nested too deeply");
  if (Array.isArray(value)) return reviveList(value, depth);
  const keys = Object.keys(value);
  const [key] = keys;
  if (keys.length === 1 && key?.startsWith("$")) {
    const reviver = revivers.get(key);
    if (reviver !== undefined) return reviver(Reflect.get(value, key), depth + 1);
  }
  // Every key is an own data property here, also "__proto__"; so assigning can reach no setter.
  for (const name of keys) Reflect.set(value, name, revive(Reflect.get(value, name), depth + 1));
  return value;
}

function reviveList(list: unknown[], depth: number): unknown[] {
  for (let index = 0; index < list.length; index++) list[index] = revive(list[index], depth + 1);
  return list;
}

type Reviver = (content: unknown, depth: number) => unknown;

const revivers = new Map<string, Reviver>([
  ["$undefined", (content) => (content === true ? undefined : malformed("$undefined"))],
  ["$number", reviveNumber],
  ["$bigint", reviveBigint],
  ["$date", reviveDate],
  ["$bytes", (content) => bytesOf(content, "$bytes")],
  ["$typed", reviveTyped],
  ["$map", (content, depth) => new Map(entriesOf(content, "$map", depth))],
  ["$set", (content, depth) => new Set(reviveList(listOf(content, "$set"), depth))],
  ["$regexp", reviveRegExp],
  ["$url", reviveUrl],
  ["$error", reviveError],
  ["$object", reviveEscaped],
]);

const numbers = new Map<unknown, number>([
  ["NaN", Number.NaN],
  ["Infinity", Number.POSITIVE_INFINITY],
  ["-Infinity", Number.NEGATIVE_INFINITY],
  ["-0", -0],
]);

function reviveNumber(content: unknown): number {
  return numbers.get(content) ?? malformed("$number");
}

function reviveBigint(content: unknown): bigint {
  const text = textOf(content, "$bigint");
  return /^-?\d+$/.test(text) ? BigInt(text) : malformed("$bigint");
}

function reviveDate(content: unknown): Date {
  if (content === null) return new Date(Number.NaN);
  const date = new Date(textOf(content, "$date"));
  return Number.isNaN(date.getTime()) ? malformed("$date") : date;
}

function reviveTyped(content: unknown): unknown {
  const [name, base64] = listOf(content, "$typed");
  const bytes = bytesOf(base64, "$typed");
  if (name === "ArrayBuffer") return bytes.buffer;
  if (name === "DataView") return new DataView(bytes.buffer);
  const view = typedArrays.get(name);
  if (view === undefined || bytes.length % view.BYTES_PER_ELEMENT !== 0) return malformed("$typed");
  return new view(bytes.buffer);
}

type TypedArrayConstructor = {
  new (buffer: ArrayBuffer): ArrayBufferView;
  readonly name: string;
  readonly BYTES_PER_ELEMENT: number;
};

const typedArrays = new Map<unknown, TypedArrayConstructor>(
  [
    Int8Array,
    Uint8ClampedArray,
    Int16Array,
    Uint16Array,
    Int32Array,
    Uint32Array,
    Float32Array,
    Float64Array,
    BigInt64Array,
    BigUint64Array,
  ].map((view: TypedArrayConstructor) => [view.name, view]),
);
// Too young to be everywhere.
const float16: unknown = Reflect.get(globalThis, "Float16Array");
if (typeof float16 === "function")
  typedArrays.set("Float16Array", float16 as unknown as TypedArrayConstructor);

function reviveRegExp(content: unknown): RegExp {
  const [source, flags] = listOf(content, "$regexp");
  try {
    return new RegExp(textOf(source, "$regexp"), textOf(flags, "$regexp"));
  } catch {
    return malformed("$regexp");
  }
}

function reviveUrl(content: unknown): unknown {
  const constructor: unknown = Reflect.get(globalThis, "URL");
  if (typeof constructor !== "function")
    throw new ValueDecodeError("This runtime has no URL class to revive a stored URL with");
  try {
    return Reflect.construct(constructor, [textOf(content, "$url")]);
  } catch {
    return malformed("$url");
  }
}

function reviveError(content: unknown, depth: number): Error {
  if (typeof content !== "object" || content === null || Array.isArray(content)) return malformed("$error");
  const name = textOf(Reflect.get(content, "name"), "$error");
  const message = textOf(Reflect.get(content, "message"), "$error");
  const stack: unknown = Reflect.get(content, "stack");
  const error = new Error(message);
  adoptErrorClass(error, name);
  if (error.name !== name) define(error, "name", name, false);
  // Without a stored stack there must be none of ours: it would point at the decoder.
  define(error, "stack", typeof stack === "string" ? stack : `${name}: ${message}`, false);
  for (const key of Object.keys(content)) {
    if (key === "name" || key === "message" || key === "stack") continue;
    define(error, key, revive(Reflect.get(content, key), depth + 1), key !== "cause" && key !== "errors");
  }
  return error;
}

function reviveEscaped(content: unknown, depth: number): object {
  const object = {};
  for (const [key, value] of entriesOf(content, "$object", depth))
    define(object, textOf(key, "$object"), value, true);
  return object;
}

function entriesOf(content: unknown, tag: string, depth: number): Array<[unknown, unknown]> {
  return listOf(content, tag).map((entry) => {
    const pair = listOf(entry, tag);
    if (pair.length !== 2) return malformed(tag);
    return [revive(pair[0], depth + 1), revive(pair[1], depth + 1)];
  });
}

function define(target: object, key: string, value: unknown, enumerable: boolean): void {
  Object.defineProperty(target, key, { value, enumerable, writable: true, configurable: true });
}

function bytesOf(content: unknown, tag: string): Uint8Array<ArrayBuffer> {
  return decodeBase64(textOf(content, tag)) ?? malformed(tag);
}

function textOf(content: unknown, tag: string): string {
  return typeof content === "string" ? content : malformed(tag);
}

function listOf(content: unknown, tag: string): unknown[] {
  return Array.isArray(content) ? content : malformed(tag);
}

function malformed(tag: string): never {
  throw new ValueDecodeError(`The stored value has a malformed ${tag}`);
}
