/** Values of handlers, in their stored form. */
import {
  decodeBase64,
  decodeBase64Url,
  decodeValue,
  encodeBase64,
  encodeBase64Url,
  encodeValue,
  UnstorableValueError,
  ValueDecodeError,
} from "@holdfast/protocol";

import { refusedOr, require, type Target } from "../engine/target.ts";

const SAMPLES: readonly unknown[] = [
  null,
  -1.5e300,
  "text \u{1f600}",
  [1, [2, [3]]],
  { name: "Ada", nested: { list: [true, false, null] } },
  { $odd: 1, other: undefined },
  [Number.NaN, Number.POSITIVE_INFINITY, -0, undefined],
  12_345_678_901_234_567_890n,
  new Date(0),
  new Map<unknown, unknown>([["a", new Set([1, 2])]]),
  /a+b/gi,
  new URL("https://example.org/a?b#c"),
  Uint8Array.of(1, 2, 3),
  Float64Array.of(1.5),
  new ArrayBuffer(4),
  Object.assign(withFixedStack(new TypeError("no", { cause: withFixedStack(new RangeError("far")) })), {
    code: 7,
  }),
  withFixedStack(new AggregateError([withFixedStack(new Error("one"))], "many")),
];

/** Seeds are the same on every machine, and what is kept of them names none. */
function withFixedStack(error: Error): Error {
  error.stack = `${String(error)}\n    at file:///program/values.ts:1:1`;
  return error;
}

/** Reads, writes what was read, and reads that: from there on nothing may change any more. */
function run(input: Uint8Array): void {
  checkBase64(Buffer.from(input).toString("latin1"));
  const decoded = refusedOr([ValueDecodeError], () => ({ value: decodeValue(input) }));
  if (decoded === undefined) return;
  const first = refusedOr([UnstorableValueError], () => encodeValue(decoded.value));
  if (first === undefined) return;
  const second = encodeValue(decodeValue(first));
  require(Buffer.compare(first, second) === 0, "a value is stored otherwise after it was read", text(
    first,
  ), text(second));
}

/** Both alphabets are canonical: one text for one sequence of bytes. */
function checkBase64(candidate: string): void {
  const url = decodeBase64Url(candidate);
  require(url === undefined || encodeBase64Url(url) === candidate, "base64url is not canonical", candidate);
  const standard = decodeBase64(candidate);
  require(standard === undefined ||
    encodeBase64(standard) === candidate, "base64 is not canonical", candidate);
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}

export const values: Target = {
  name: "values",
  decodes: "stored values of handlers, base64",
  seeds: () => [...SAMPLES.map((value) => encodeValue(value)), Buffer.from("AQID"), Buffer.from("AQ==")],
  tokens: [
    [
      "$undefined",
      "$number",
      "$bigint",
      "$date",
      "$bytes",
      "$typed",
      "$map",
      "$set",
      "$regexp",
      "$url",
      "$error",
      "$object",
    ].map((tag) => `{"${tag}":`),
    [
      "[",
      "{",
      "}",
      "]",
      '"',
      ":",
      ",",
      "true",
      "null",
      "-0",
      "1e999",
      "[[",
      '{"a":',
      '"name":',
      '"message":',
      '"stack":',
    ],
    [
      '"__proto__":',
      '"constructor":',
      '"cause":',
      '"errors":',
      '"Float16Array"',
      '"BigInt64Array"',
      '"DataView"',
      '"ArrayBuffer"',
    ],
    ["\\ud800", "\\u0000", "\\u0024", "\xef\xbb\xbf", "AAAA", "=="],
  ].flat(),
  hasJson: true,
  run,
};
