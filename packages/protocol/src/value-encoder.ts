/** Writes values as JSON text; see `value-codec.ts` for the format. */

import { encodeBase64 } from "./base64url.ts";
import { storedErrorName } from "./error-class-registry.ts";
import { ProtobufWriter } from "./protobuf-writer.ts";
import { UnstorableValueError } from "./value-error.ts";

/** Deeper nesting is taken for a mistake; it would exhaust the stack of whoever reads it. */
export const VALUE_DEPTH_MAX = 500;

const EMPTY = new Uint8Array(0);
const sharedWriter = new ProtobufWriter();
const textEncoder = new TextEncoder();
/** A longer text gets bytes of its own at once: the shared buffer would have to make room for three bytes a character. */
const SHARED_TEXT_MAX = 2048;

/**
 * The stored form of a value; no bytes for `undefined`. Throws UnstorableValueError, whose path begins with `root`.
 * Properties that are undefined are dropped, as JSON does.
 */
export function encodeValue(value: unknown, root = "value"): Uint8Array {
  if (value === undefined) return EMPTY;
  if (isPlain(value, 0)) return utf8(JSON.stringify(value));
  return utf8(new ValueWriter(root).write(value));
}

function utf8(text: string): Uint8Array {
  if (text.length > SHARED_TEXT_MAX) return textEncoder.encode(text);
  sharedWriter.truncate(0);
  sharedWriter.rawText(text);
  return sharedWriter.finish();
}

/** Whether JSON.stringify writes exactly what we would. Gives up on everything odd, also on what is forbidden. */
function isPlain(value: unknown, depth: number): boolean {
  switch (typeof value) {
    case "string":
    case "boolean":
      return true;
    case "number":
      return Number.isFinite(value) && !Object.is(value, -0);
    case "object":
      return value === null || (depth < VALUE_DEPTH_MAX && isPlainObject(value, depth));
    default:
      return false;
  }
}

function isPlainObject(value: object, depth: number): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (Array.isArray(value)) {
    if (prototype !== Array.prototype) return false;
    for (const item of value) if (!isPlain(item, depth + 1)) return false;
    return true;
  }
  if (prototype !== Object.prototype && prototype !== null) return false;
  for (const key of Object.keys(value)) {
    if (key.startsWith("$")) return false;
    const item = (value as Record<string, unknown>)[key];
    if (item !== undefined && !isPlain(item, depth + 1)) return false;
  }
  return true;
}

/** One pass over a value that is not plain. Remembers where it is for the message of an error. */
class ValueWriter {
  readonly #root: string;
  readonly #path: Array<string | number> = [];
  readonly #ancestors: object[] = [];

  constructor(root: string) {
    this.#root = root;
  }

  write(value: unknown): string {
    switch (typeof value) {
      case "string":
        return JSON.stringify(value);
      case "boolean":
        return value ? "true" : "false";
      case "number":
        return Number.isFinite(value) && !Object.is(value, -0)
          ? String(value)
          : `{"$number":"${Object.is(value, -0) ? "-0" : value}"}`;
      case "undefined":
        return '{"$undefined":true}';
      case "bigint":
        return `{"$bigint":"${value}"}`;
      case "function":
        return this.#refuse(
          "a function",
          "Store the data it needs, and create the function where it is used.",
        );
      case "symbol":
        return this.#refuse("a symbol", "Store a string instead.");
      case "object":
        return value === null ? "null" : this.#writeObject(value);
    }
  }

  #writeObject(value: object): string {
    if (this.#ancestors.includes(value)) {
      return this.#refuse(
        "a reference back to an object that contains it",
        "Store an id and look the object up.",
      );
    }
    if (this.#ancestors.length >= VALUE_DEPTH_MAX) {
      return this.#refuse(
        `nesting deeper than ${VALUE_DEPTH_MAX} levels`,
        "Store it as a flat list that refers by id.",
      );
    }
    this.#ancestors.push(value);
    const text =
      Array.isArray(value) && isNamed(value, "Array") ? this.#writeList(value) : this.#writeByClass(value);
    this.#ancestors.pop();
    return text;
  }

  #writeByClass(value: object): string {
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === null || prototype === Object.prototype) return this.#writeRecord(value);
    const tag = Object.prototype.toString.call(value);
    if (value instanceof Error || tag === "[object Error]") return this.#writeError(value);
    if (ArrayBuffer.isView(value)) return this.#writeView(value);
    const known = this.#writeKnown(value, tag);
    if (known !== undefined) return known;
    if (Object.getPrototypeOf(prototype) === null && isNamed(value, "Object"))
      return this.#writeRecord(value);
    if (tag === "[object Promise]")
      return this.#refuse("a promise", "Await it, and store what it resolves to.");
    return this.#refuse(describe(value), "Store plain data, and build the instance from it again.");
  }

  #writeKnown(value: object, tag: string): string | undefined {
    if (tag === "[object Date]" && isDate(value)) {
      return Number.isNaN(value.getTime()) ? '{"$date":null}' : `{"$date":"${value.toISOString()}"}`;
    }
    if (tag === "[object Map]" && isMap(value)) return `{"$map":${this.#writeEntries(value)}}`;
    if (tag === "[object Set]" && isSet(value)) return `{"$set":${this.#writeList([...value])}}`;
    if (tag === "[object RegExp]" && isRegExp(value)) {
      return `{"$regexp":[${JSON.stringify(value.source)},${JSON.stringify(value.flags)}]}`;
    }
    if (tag === "[object URL]" && isNamed(value, "URL"))
      return `{"$url":${JSON.stringify(Reflect.get(value, "href"))}}`;
    if (isArrayBuffer(value, tag))
      return `{"$typed":["ArrayBuffer","${encodeBase64(new Uint8Array(value))}"]}`;
    return undefined;
  }

  #writeList(list: readonly unknown[]): string {
    let text = "[";
    for (let index = 0; index < list.length; index++) {
      if (index > 0) text += ",";
      text += this.#writeAt(index, list[index]);
    }
    return `${text}]`;
  }

  #writeEntries(entries: Iterable<readonly [unknown, unknown]>): string {
    let text = "[";
    let index = 0;
    for (const [key, value] of entries) {
      if (index > 0) text += ",";
      text += `[${this.#writeAt(`.key(${index})`, key)},`;
      text += `${this.#writeAt(typeof key === "string" ? `.get(${JSON.stringify(key)})` : `.value(${index})`, value)}]`;
      index++;
    }
    return `${text}]`;
  }

  #writeRecord(value: object): string {
    const keys = Object.keys(value);
    return keys.some((key) => key.startsWith("$"))
      ? this.#writeEscaped(value, keys)
      : `{${this.#writeProperties(value, keys)}}`;
  }

  #writeProperties(value: object, keys: readonly string[]): string {
    let text = "";
    for (const key of keys) {
      const item: unknown = Reflect.get(value, key);
      if (item === undefined) continue;
      if (text !== "") text += ",";
      text += `${JSON.stringify(key)}:${this.#writeAt(key, item)}`;
    }
    return text;
  }

  #writeEscaped(value: object, keys: readonly string[]): string {
    let text = "";
    for (const key of keys) {
      const item: unknown = Reflect.get(value, key);
      if (item === undefined) continue;
      if (text !== "") text += ",";
      text += `[${JSON.stringify(key)},${this.#writeAt(key, item)}]`;
    }
    return `{"$object":[${text}]}`;
  }

  #writeView(view: ArrayBufferView): string {
    const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
    const name = Object.prototype.toString.call(view).slice(8, -1);
    return name === "Uint8Array"
      ? `{"$bytes":"${encodeBase64(bytes)}"}`
      : `{"$typed":["${name}","${encodeBase64(bytes)}"]}`;
  }

  /**
   * Errors are stored on the way to reporting a failure, and libraries hang sockets and requests on them; so an own
   * property of an error that cannot be stored is left out rather than refused.
   */
  #writeError(value: object): string {
    const error = value as Error;
    let text = `"name":${JSON.stringify(storedErrorName(error))},"message":${JSON.stringify(String(error.message))}`;
    if (typeof error.stack === "string") text += `,"stack":${JSON.stringify(error.stack)}`;
    const keys = Object.keys(error).filter((key) => !ERROR_KEYS.has(key));
    if (Object.hasOwn(error, "cause")) keys.unshift("cause");
    if (Object.hasOwn(error, "errors") && !keys.includes("errors")) keys.push("errors");
    for (const key of keys) {
      const item = this.#tryWriteAt(key, Reflect.get(error, key));
      if (item !== undefined) text += `,${JSON.stringify(key)}:${item}`;
    }
    return `{"$error":{${text}}}`;
  }

  #tryWriteAt(key: string, value: unknown): string | undefined {
    if (value === undefined) return undefined;
    const pathLength = this.#path.length;
    const ancestorCount = this.#ancestors.length;
    try {
      return this.#writeAt(key, value);
    } catch (error) {
      if (!(error instanceof UnstorableValueError)) throw error;
      this.#path.length = pathLength;
      this.#ancestors.length = ancestorCount;
      return undefined;
    }
  }

  #writeAt(key: string | number, value: unknown): string {
    this.#path.push(key);
    const text = this.write(value);
    this.#path.pop();
    return text;
  }

  #refuse(problem: string, hint: string): never {
    let path = this.#root;
    for (const key of this.#path) path += step(key);
    throw new UnstorableValueError(path, problem, hint);
  }
}

const ERROR_KEYS = new Set(["name", "message", "stack", "cause"]);

function step(key: string | number): string {
  if (typeof key === "number") return `[${key}]`;
  if (/^\.(key|get|value)\(/.test(key)) return key;
  return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}

function describe(value: object): string {
  const constructor: unknown = Reflect.get(value, "constructor");
  const name = typeof constructor === "function" ? constructor.name : "";
  return name === "" ? "an object with a prototype of its own" : `an instance of ${name}`;
}

/** By name, because an object of another realm (a test runner's, a frame's) has another constructor. */
function isNamed(value: object, name: string): boolean {
  const constructor: unknown = Reflect.get(value, "constructor");
  return typeof constructor === "function" && constructor.name === name;
}

function isDate(value: object): value is Date {
  return isNamed(value, "Date");
}

function isMap(value: object): value is Map<unknown, unknown> {
  return isNamed(value, "Map");
}

function isSet(value: object): value is Set<unknown> {
  return isNamed(value, "Set");
}

function isRegExp(value: object): value is RegExp {
  return isNamed(value, "RegExp");
}

function isArrayBuffer(value: object, tag: string): value is ArrayBuffer {
  return tag === "[object ArrayBuffer]" && isNamed(value, "ArrayBuffer");
}
