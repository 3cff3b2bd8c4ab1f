/**
 * The bytes of every kind of record and row, as the first version of each format wrote them. They lie in data directories
 * and are read for ever: when this test fails, a format has changed and needs a version of its own beside this one.
 */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";

import type { FoldSettings } from "../limits.ts";
import type { RecordBody } from "../record.ts";
import type { Invocation } from "../tables/rows.ts";
import { bytesOf, endpoint, object, service, workflow } from "../testing/handlers.ts";
import { BinaryWriter } from "./binary.ts";
import { decodeInvocation, encodeInvocation } from "./invocation-codec.ts";
import { decodeChunk, encodeChunk } from "./journal-codec.ts";
import { decodeRecords, encodeRecord } from "./record-codec.ts";
import {
  decodeDeployment,
  decodeInbox,
  decodeMeta,
  decodeObject,
  decodeTimer,
  encodeDeployment,
  encodeInbox,
  encodeMeta,
  encodeObject,
  encodeTimer,
} from "./row-codec.ts";

const FIXTURE = new URL("fixtures/format-1.txt", import.meta.url);
const AT = 1_763_856_000_000;

const target = { service: "cart", handler: "add", key: "ada \u{1f6d2}", kind: "exclusive" } as const;
const failure = { code: 409, message: "no", metadata: [["holdfast.code", "x"]] } as const;
const manifest = endpoint([service("mail", ["send"]), object("cart", ["add"]), workflow("flow", ["ask"])]);

/** Settings are kept as JSON, whatever there is of them. */
const SETTINGS = { inboxMax: 7 } as unknown as FoldSettings;

const BODIES: readonly RecordBody[] = [
  { kind: "engine-started", epoch: 3, settings: SETTINGS },
  {
    kind: "invoke",
    id: "inv_1",
    target,
    input: bytesOf("in"),
    inputHash: 2 ** 53 - 1,
    idempotencyKey: "key",
    startAt: AT + 5,
    source: { kind: "invocation", id: "inv_0" },
  },
  {
    kind: "attempt-messages",
    id: "inv_1",
    attempt: 300,
    messages: [{ type: 0x411, body: bytesOf("body"), message: undefined }],
    childIds: ["inv_2"],
  },
  {
    kind: "attempt-lost",
    id: "inv_1",
    attempt: 1,
    code: "connection-lost",
    message: "gone",
    counted: true,
    pause: false,
    retryDelayMs: -1,
  },
  { kind: "timers-fired", keys: ["0001763856000000-000000000000001"] },
  {
    kind: "signal",
    id: "inv_1",
    index: 17,
    name: undefined,
    result: { kind: "failure", failure },
    cause: "ingress",
  },
  { kind: "signal", id: "inv_1", index: undefined, name: "paid", result: { kind: "void" }, cause: "" },
  {
    kind: "complete-promise",
    service: "flow",
    key: "k",
    name: "approval",
    result: { kind: "value", value: bytesOf("yes") },
  },
  { kind: "cancel", id: "inv_1" },
  { kind: "kill", id: "inv_1" },
  { kind: "pause", id: "inv_1" },
  { kind: "resume", id: "inv_1", deployment: "dp_1" },
  { kind: "restart", id: "inv_1", newId: "inv_9", fromCommand: 7, deployment: undefined },
  { kind: "purge", id: "inv_1", journalOnly: true },
  { kind: "reschedule", id: "inv_1", startAt: AT },
  { kind: "expire", ids: ["inv_1", "inv_2"], budget: true },
  {
    kind: "register-deployment",
    id: "dp_1",
    url: "http://a",
    manifest,
    metadata: { commit: "abc" },
    headers: { authorization: "x" },
    force: false,
    breaking: true,
    dryRun: false,
  },
  { kind: "remove-deployment", id: "dp_1", force: true },
  {
    kind: "patch-state",
    service: "cart",
    key: "ada",
    expectedVersion: -1,
    entries: [["items", bytesOf("1")]],
  },
];

const event = {
  kind: "attempt-failed",
  at: AT,
  afterEntry: 3,
  code: "handler-error",
  message: "no",
  stacktrace: "at x",
  relatedCommandIndex: -1,
  relatedCommandName: "smtp",
  count: 2,
} as const;

const invocation: Invocation = {
  id: "inv_1",
  target,
  source: { kind: "ingress", id: "" },
  idempotencyKey: undefined,
  inputHash: 12_345,
  seedId: "inv_0",
  createdAt: AT,
  modifiedAt: AT + 1,
  status: "suspended",
  scheduledAt: AT + 2,
  startedAt: AT + 3,
  completedAt: 0,
  deployment: "dp_1",
  attempt: 4,
  retryCount: 1,
  failuresSinceCommand: 0,
  restateVersion: 0,
  nextRetryAt: AT + 6,
  timer: "t",
  inboxSeq: 9,
  awaiting: { completions: [1, 2], signals: [1, 17], namedSignals: [["paid", 2]] },
  lastFailure: event,
  events: [event],
  open: new Map([
    [
      2,
      {
        kind: "call",
        detail: "inv_2",
        since: AT,
        timer: "",
        failures: 1,
        lastFailure: "no",
        nextTryAt: AT + 9,
      },
    ],
  ]),
  waiters: [{ id: "inv_3", completionId: 8, kind: "attach" }],
  settledSignals: new Set([17, 18]),
  namedSignals: new Map([["paid", 3]]),
  cancelledInAttempt: 3,
  output: { kind: "void" },
  result: { kind: "failure", failure },
  expiresAt: AT + 10,
  keptUntil: AT + 11,
  recordedOn: "dp_0",
  lostAttempts: 2,
  journalLength: 5,
  commandCount: 3,
  journalBytes: 99,
  lastEntryAt: AT + 12,
  tail: [],
  storing: 0,
  chunks: [0, 3],
};

const entry = { type: 0x8011, body: bytesOf("body"), at: AT, attempt: 1, deployment: "dp_1", cause: "timer" };
const journal = [
  entry,
  { ...entry, type: 0x400, at: AT + 7, deployment: "dp_1", cause: "" },
  { ...entry, at: AT + 7, deployment: "" },
];

const journal2 = [
  ...journal,
  { ...entry, cause: "inv_7" },
  { ...entry, deployment: "dp_2", cause: "handler" },
].map((each) => ({ ...each, at: AT }));

const promise = {
  result: { kind: "value", value: bytesOf("yes") },
  settledAt: AT,
  waiters: [{ id: "inv_1", completionId: 1 }],
} as const;
const cart = {
  holder: "inv_1",
  inboxHead: 2,
  inboxTail: 5,
  inboxLength: 1,
  state: new Map([["items", bytesOf("12")]]),
  stateBytes: 7,
  stateVersion: 6,
  runId: undefined,
  promises: new Map([["approval", { ...promise, waiters: [...promise.waiters] }]]),
};
const deployment = {
  id: "dp_1",
  url: "http://a",
  manifest,
  createdAt: AT,
  metadata: {},
  headers: { a: "b" },
  revisions: { mail: 1 },
  live: 2,
  overrides: {},
};
const configured = {
  ...deployment,
  overrides: { mail: { ingressPrivate: false, abortTimeoutMs: 7 } },
};
const updating: RecordBody = {
  kind: "update-deployment",
  id: "dp_1",
  url: "http://b",
  headers: { a: "b" },
  manifest,
};
const configuring: RecordBody = {
  kind: "configure-service",
  service: "mail",
  options: { ingressPrivate: false, journalRetentionMs: 0 },
};
const meta = { now: AT, nextTimerSeq: 3, epoch: 2, settingsJson: "{}" };

/** What is stored under a name, and how it comes from and to bytes. */
/** The first version has no place for the count. */
const failing: Invocation = { ...invocation, failuresSinceCommand: 3 };
/** Nor has the second one a place for the version, which is there without failures as well. */
const pinned: Invocation = { ...invocation, restateVersion: 6 };

type Sample = {
  readonly name: string;
  /** `undefined`: this is only read, and written in a later form. */
  readonly bytes: Uint8Array | undefined;
  readonly value: unknown;
  readonly decode: (bytes: Uint8Array) => unknown;
};

function recordSample(body: RecordBody, index: number): Sample {
  const writer = new BinaryWriter();
  encodeRecord(writer, { at: AT, body });
  return {
    name: `record ${index} ${body.kind}`,
    bytes: writer.take(),
    value: [{ at: AT, body }],
    decode: decodeRecords,
  };
}

const SAMPLES: readonly Sample[] = [
  ...BODIES.map(recordSample),
  recordSample(configuring, BODIES.length),
  recordSample(updating, BODIES.length + 1),
  { name: "invocation", bytes: encodeInvocation(invocation), value: invocation, decode: decodeInvocation },
  { name: "journal chunk", bytes: undefined, value: journal, decode: decodeChunk },
  { name: "object", bytes: encodeObject(cart), value: cart, decode: decodeObject },
  { name: "inbox", bytes: encodeInbox({ id: "inv_1" }), value: { id: "inv_1" }, decode: decodeInbox },
  {
    name: "timer",
    bytes: encodeTimer({ kind: "sleep", id: "inv_1", completionId: 4 }),
    value: { kind: "sleep", id: "inv_1", completionId: 4 },
    decode: decodeTimer,
  },
  { name: "deployment", bytes: encodeDeployment(deployment), value: deployment, decode: decodeDeployment },
  { name: "deployment 2", bytes: encodeDeployment(configured), value: configured, decode: decodeDeployment },
  { name: "meta", bytes: encodeMeta(meta), value: meta, decode: decodeMeta },
  { name: "journal chunk 2", bytes: encodeChunk(journal2), value: journal2, decode: decodeChunk },
  {
    name: "invocation 2",
    bytes: encodeInvocation(failing),
    value: failing,
    decode: decodeInvocation,
  },
  { name: "invocation 3", bytes: encodeInvocation(pinned), value: pinned, decode: decodeInvocation },
];

test("every kind of record and row is written as it was when its format was new, and older formats are read", () => {
  const lines = readFileSync(FIXTURE, "utf8").trimEnd().split("\n");
  const text = SAMPLES.map(({ name, bytes }, index) =>
    bytes === undefined ? `${lines[index]}\n` : `${name}: ${Buffer.from(bytes).toString("hex")}\n`,
  ).join("");
  if (process.env["HOLDFAST_REWRITE_FIXTURES"] === "1") {
    writeFileSync(FIXTURE, text);
    return;
  }
  assert.equal(lines.length, SAMPLES.length);
  for (const [index, { name, value, decode }] of SAMPLES.entries()) {
    const [storedName, hex = ""] = (lines[index] ?? "").split(": ");
    assert.equal(storedName, name);
    assert.deepEqual(decode(Uint8Array.from(Buffer.from(hex, "hex"))), value, name);
  }
  assert.equal(text, `${lines.join("\n")}\n`);
});
