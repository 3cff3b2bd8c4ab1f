/** The records in a batch of the log. */
import { isDeepStrictEqual } from "node:util";

import {
  BinaryWriter,
  DecodeError,
  decodeRecords,
  encodeRecord,
  RecordVersionError,
  type LogRecord,
  type RecordBody,
} from "@holdfast/engine";

import { refusedOr, require, type Target } from "../engine/target.ts";

const target = { service: "Counter", handler: "add", key: "visits", kind: "exclusive" } as const;
const failure = { code: 500, message: "no", metadata: [["a", "b"]] } as const;
const bytes = Uint8Array.of(1, 2, 3);
const manifest = { wires: ["native"], sdk: "x/1", runtime: "node/24.0.0", services: [] } as const;

const bodies: readonly RecordBody[] = [
  {
    kind: "invoke",
    id: "inv_1",
    target,
    input: bytes,
    inputHash: 7,
    idempotencyKey: "once",
    startAt: 1_893_456_000_000,
    source: { kind: "ingress", id: "" },
  },
  {
    kind: "attempt-messages",
    id: "inv_1",
    attempt: 1,
    messages: [{ type: 0x0401, body: bytes, message: undefined }],
    childIds: ["inv_2"],
  },
  {
    kind: "attempt-lost",
    id: "inv_1",
    attempt: 2,
    code: "connection-lost",
    message: "gone",
    counted: false,
    pause: false,
    retryDelayMs: -1,
  },
  { kind: "timers-fired", keys: ["0001893456000000/1"] },
  {
    kind: "signal",
    id: "inv_1",
    index: 17,
    name: undefined,
    result: { kind: "failure", failure },
    cause: "ingress",
  },
  { kind: "signal", id: "inv_1", index: undefined, name: "go", result: { kind: "void" }, cause: "" },
  {
    kind: "complete-promise",
    service: "Deploy",
    key: "k",
    name: "ok",
    result: { kind: "value", value: bytes },
  },
  { kind: "cancel", id: "inv_1" },
  { kind: "resume", id: "inv_1", deployment: "dp_1" },
  { kind: "restart", id: "inv_1", newId: "inv_2", fromCommand: 3, deployment: undefined },
  { kind: "purge", id: "inv_1", journalOnly: true },
  { kind: "reschedule", id: "inv_1", startAt: 0 },
  { kind: "expire", ids: ["inv_1", "inv_2"], budget: false },
  {
    kind: "register-deployment",
    id: "dp_1",
    url: "http://localhost:9080",
    manifest,
    metadata: { team: "a" },
    headers: {},
    force: false,
    breaking: false,
    dryRun: false,
  },
  { kind: "remove-deployment", id: "dp_1", force: true },
  { kind: "patch-state", service: "Counter", key: "visits", expectedVersion: -1, entries: [["n", bytes]] },
];

function encode(records: readonly LogRecord[]): Uint8Array {
  const writer = new BinaryWriter();
  for (const record of records) encodeRecord(writer, record);
  return writer.take();
}

/** What is read can be written, and then reads as the same: a compacted or copied log must not drift. */
function run(input: Uint8Array): void {
  const records = refusedOr([DecodeError, RecordVersionError], () => decodeRecords(input));
  if (records === undefined) return;
  const again = encode(records);
  require(isDeepStrictEqual(
    decodeRecords(again),
    records,
  ), "records read otherwise when written again", records);
}

export const logRecords: Target = {
  name: "log-records",
  decodes: "records of a log's batch",
  seeds: () => [
    ...bodies.map((body) => encode([{ at: 1_893_456_000_000, body }])),
    encode(bodies.map((body, at) => ({ at, body }))),
  ],
  tokens: [
    "\x01\x00",
    "\x01\x02",
    "\xff\xff\xff\xff\xff\xff\xff\x0f",
    "\xf0\x9f\x98\x80",
    "\xed\xa0\x80",
    "{}",
    "[]",
    "null",
    '"__proto__"',
  ],
  run,
};
