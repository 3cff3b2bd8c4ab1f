/** Bodies that this program reads itself: strict JSON with known fields. Every error names the field and what it should be. */
import { closestName, HoldfastError } from "@holdfast/protocol";

import { decodeUtf8, excessReason, suspiciousKey } from "./strict-json.ts";

/** Reads one value found at `path` ("filter.status"), or throws `request-invalid`. */
export type Field<T> = (value: unknown, path: string) => T;

type Shape = Readonly<Record<string, Field<unknown>>>;
export type FieldsOf<S extends Shape> = { readonly [K in keyof S]?: ReturnType<S[K]> };

const DEPTH_MAX = 64;
const JSON_TYPE = /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i;

export function isJsonType(contentType: string): boolean {
  return JSON_TYPE.test(contentType);
}

/** The parsed body; undefined when there is none. */
export function parseBody(body: Uint8Array, contentType: string | undefined): unknown {
  if (body.length === 0) return undefined;
  if (contentType === undefined || !isJsonType(contentType)) {
    throw new HoldfastError("media-type-unsupported", { contentType: contentType ?? "" });
  }
  const text = decodeUtf8(body);
  if (text === undefined) throw new HoldfastError("body-invalid-json", { reason: "it is not UTF-8" });
  const excess = excessReason(text, DEPTH_MAX);
  if (excess !== undefined) throw invalid(`it ${excess}`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new HoldfastError("body-invalid-json", { reason: parseReason(error) });
  }
  const suspicious = suspiciousKey(text);
  if (suspicious !== undefined) throw invalid(suspicious);
  return value;
}

/** What the parser says, without the excerpt of the body that it appends. */
export function parseReason(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/,? \.*".*$/s, "").replace(/^(.{200}).*$/s, "$1…");
}

/** An object with these fields and no others. A missing body is an empty object. */
export function readFields<S extends Shape>(value: unknown, shape: S, path = ""): FieldsOf<S> {
  const fields: Record<string, unknown> = {};
  for (const [name, given] of Object.entries(object(value ?? {}, path))) {
    const read = Object.hasOwn(shape, name) ? shape[name] : undefined;
    if (read === undefined) throw unknownField(join(path, name), name, Object.keys(shape));
    if (given !== undefined && given !== null) fields[name] = read(given, join(path, name));
  }
  return fields as FieldsOf<S>;
}

export function fields<S extends Shape>(shape: S): Field<FieldsOf<S>> {
  return (value, path) => readFields(value, shape, path);
}

export function required<T>(value: T | undefined, path: string): T {
  if (value === undefined) throw invalid(`"${path}" is missing`);
  return value;
}

export function text(value: unknown, path: string): string {
  if (typeof value !== "string") throw expected(path, "a text");
  return value;
}

export function boolean(value: unknown, path: string): boolean {
  if (typeof value !== "boolean") throw expected(path, "true or false");
  return value;
}

export function count(value: unknown, path: string): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) {
    throw expected(path, "a whole number that is not negative");
  }
  return value;
}

export function instant(value: unknown, path: string): number {
  const at = typeof value === "string" && /^\d{4}-\d\d-\d\d/.test(value) ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(at)) throw expected(path, "a date such as 2026-11-23T10:00:00Z");
  return at;
}

export function oneOf<const T extends string>(...choices: readonly T[]): Field<T> {
  return (value, path) => {
    const choice = choices.find((candidate) => candidate === value);
    if (choice !== undefined) return choice;
    const meant = typeof value === "string" ? closestName(value, choices) : undefined;
    throw expected(
      path,
      `one of ${choices.join(", ")}${meant === undefined ? "" : ` (did you mean "${meant}"?)`}`,
    );
  };
}

export function list<T>(element: Field<T>): Field<readonly T[]> {
  return (value, path) => {
    if (!Array.isArray(value)) throw expected(path, "a list");
    return value.map((each, index) => element(each, `${path}[${index}]`));
  };
}

/** An object whose keys the caller chooses. */
export function record<T>(element: Field<T>): Field<ReadonlyMap<string, T>> {
  return (value, path) =>
    new Map(Object.entries(object(value, path)).map(([key, each]) => [key, element(each, join(path, key))]));
}

export function anything(value: unknown): unknown {
  return value;
}

function object(value: unknown, path: string): object {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw expected(path, "an object");
  return value;
}

/** `request-invalid`, with this as the reason. */
export function invalid(reason: string, details: Readonly<Record<string, unknown>> = {}): HoldfastError {
  return new HoldfastError("request-invalid", { reason, ...details });
}

function expected(path: string, what: string): HoldfastError {
  return invalid(`${path === "" ? "the body" : `"${path}"`} must be ${what}`, { field: path });
}

function unknownField(path: string, name: string, known: readonly string[]): HoldfastError {
  const meant = closestName(name, known);
  const suggestion = meant === undefined ? `known are ${known.join(", ")}` : `did you mean "${meant}"?`;
  return invalid(`"${path}" is not a field here; ${known.length === 0 ? "there are none" : suggestion}`, {
    field: path,
  });
}

function join(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}
