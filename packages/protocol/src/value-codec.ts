/**
 * The stored form of values: always JSON text in UTF-8, so that a person, a query or a program in another language can
 * read it. What JSON knows is written as JSON.stringify would. The rest is an object with a single key that begins with
 * "$", e.g. `{"$date":"2026-11-23T00:00:00.000Z"}`; an object of the user that has such keys is escaped as `{"$object":[…]}`.
 */
export { decodeValue } from "./value-decoder.ts";
export { encodeValue } from "./value-encoder.ts";
export { registerErrorClass } from "./error-class-registry.ts";
export { UnstorableValueError, ValueDecodeError } from "./value-error.ts";
