/** Errors as they are journaled, and back. Name, code, data, stack and cause travel in the failure's metadata. */
import { decodeValue, encodeValue, type Failure } from "@holdfast/protocol";

import { registeredErrorClass, TerminalError } from "../errors.ts";

const NAME = "holdfast.name";
const CODE = "holdfast.code";
const DATA = "holdfast.data";
const STACK = "holdfast.stack";
const CAUSE = "holdfast.cause";

/** Longest stack kept, in characters. It is for people; the top frames tell the story. */
const STACK_LENGTH_MAX = 4_000;

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** The outcome that callers get. `data` that cannot be stored throws UnstorableValueError. */
export function failureOf(error: TerminalError): Failure {
  const metadata: Array<readonly [string, string]> = [[NAME, error.name]];
  if (typeof error.code === "string") metadata.push([CODE, error.code]);
  if (error.data !== undefined) metadata.push([DATA, decoder.decode(encodeValue(error.data, "error.data"))]);
  if (error.cause !== undefined) metadata.push([CAUSE, decoder.decode(encodeCause(error.cause))]);
  if (error.stack !== undefined) metadata.push([STACK, error.stack.slice(0, STACK_LENGTH_MAX)]);
  return { code: error.status, message: error.message, metadata };
}

/** A failure that is shown to people and never revived: why an execution of a step did not succeed. */
export function describeError(error: unknown): Failure {
  if (!(error instanceof Error)) return { code: 500, message: String(error) };
  const metadata: Array<readonly [string, string]> = [[NAME, error.name]];
  if (error.stack !== undefined) metadata.push([STACK, error.stack.slice(0, STACK_LENGTH_MAX)]);
  return { code: 500, message: error.message, metadata };
}

/** The error to throw for a recorded failure: always a TerminalError, of the subclass it was if that is registered. */
export function errorOf(failure: Failure): TerminalError {
  const metadata = new Map(failure.metadata ?? []);
  const name = metadata.get(NAME);
  const data = metadata.get(DATA);
  const cause = metadata.get(CAUSE);
  const error = new TerminalError(failure.message, {
    code: metadata.get(CODE) ?? failure.code,
    status: failure.code,
    ...(data === undefined ? {} : { data: decodeText(data) }),
    ...(cause === undefined ? {} : { cause: decodeText(cause) }),
  });
  if (name !== undefined && name !== error.name) {
    const errorClass = registeredErrorClass(name);
    if (errorClass !== undefined && errorClass.prototype instanceof TerminalError) {
      Object.setPrototypeOf(error, errorClass.prototype as object);
    }
    define(error, "name", name);
  }
  const stack = metadata.get(STACK);
  if (stack !== undefined) define(error, "stack", stack);
  return error;
}

/** A cause is told as well as it can be: one that cannot be stored is told in words. */
function encodeCause(cause: unknown): Uint8Array {
  try {
    return encodeValue(cause, "error.cause");
  } catch {
    return encodeValue(String(cause));
  }
}

function decodeText(text: string): unknown {
  return decodeValue(encoder.encode(text));
}

function define(error: Error, key: "name" | "stack", value: string): void {
  Object.defineProperty(error, key, { value, enumerable: false, writable: true, configurable: true });
}
