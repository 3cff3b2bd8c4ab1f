import type { Failure, RetryPolicy, Result } from "@holdfast/protocol";
/** Any record and any row that the types allow, for property tests of their codecs. */
import fc from "fast-check";

import { defaultFoldSettings, type FoldSettings } from "../limits.ts";
import type { LogRecord, RecordBody } from "../record.ts";
import type {
  AwaitingSet,
  DeploymentRow,
  InboxRow,
  Invocation,
  InvocationEvent,
  InvocationSource,
  JournalEntry,
  MetaRow,
  ObjectRow,
  OpenOperation,
  PromiseRow,
  ServiceOverrides,
  Target,
  TimerRow,
  Waiter,
} from "../tables/rows.ts";

/** Decoded rows are ordinary objects. */
const PLAIN = { noNullPrototype: true } as const;

/** Any string a program can hold, halves of surrogate pairs included; often short ASCII, sometimes long. */
export const anyText: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: fc.string({ unit: "binary-ascii", maxLength: 20 }) },
  {
    weight: 2,
    arbitrary: fc.array(fc.nat(0xffff), { maxLength: 20 }).map((units) => String.fromCharCode(...units)),
  },
  { weight: 1, arbitrary: fc.string({ unit: "binary", minLength: 120, maxLength: 140 }) },
);
const bytes = fc.uint8Array({ maxLength: 40 });
/** Small ones, those around the edges of the encoding, and any. */
const number = fc.oneof(
  fc.nat(300),
  fc.constantFrom(0x7f, 0x80, 0x3fff, 0x4000, 0x7fffffff, 0x80000000, 0xffffffff, Number.MAX_SAFE_INTEGER),
  fc.maxSafeNat(),
);
/** Numbers that are stored one larger, for which -1 means "none". */
const indexOrNone = fc.oneof(fc.constant(-1), fc.nat(0xffff_ffff));
const numbers = fc.array(number, { maxLength: 4 });
const texts = fc.array(anyText, { maxLength: 4 });
const optionalText = fc.option(anyText, { nil: undefined });
const named = fc.array(fc.tuple(anyText, number), { maxLength: 3 });

const failure: fc.Arbitrary<Failure> = fc.record(
  {
    code: number,
    message: anyText,
    metadata: fc.array(fc.tuple(anyText, anyText), { minLength: 1, maxLength: 3 }),
  },
  { requiredKeys: ["code", "message"], ...PLAIN },
);
const result: fc.Arbitrary<Result> = fc.oneof(
  fc.constant<Result>({ kind: "void" }),
  fc.record({ kind: fc.constant("value" as const), value: bytes }, PLAIN),
  fc.record({ kind: fc.constant("failure" as const), failure }, PLAIN),
);
const optionalResult = fc.option(result, { nil: undefined });

const target: fc.Arbitrary<Target> = fc.record(
  {
    service: anyText,
    handler: anyText,
    key: anyText,
    kind: fc.constantFrom("plain", "exclusive", "shared", "run"),
  },
  PLAIN,
);
const source: fc.Arbitrary<InvocationSource> = fc.record(
  { kind: fc.constantFrom("ingress", "invocation", "restart"), id: anyText },
  PLAIN,
);

// -- records -----------------------------------------------------------------------------------------------------------

const retryPolicy: fc.Arbitrary<RetryPolicy> = fc.record(
  {
    initialIntervalMs: number,
    factor: fc.double({ min: 1, max: 10, noNaN: true }),
    maxIntervalMs: number,
    maxAttempts: number,
    onMaxAttempts: fc.constantFrom("pause", "kill"),
  },
  PLAIN,
);
const settings: fc.Arbitrary<FoldSettings> = retryPolicy.map((policy) => ({
  ...defaultFoldSettings,
  retryPolicy: policy,
}));
const manifest = fc.record(
  {
    wires: fc.constant(["native"] as const),
    sdk: anyText,
    runtime: anyText,
    services: fc.array(
      fc.record(
        {
          name: anyText,
          kind: fc.constantFrom("service", "object", "workflow"),
          lazyState: fc.boolean(),
          handlers: fc.array(
            fc.record(
              { name: anyText, kind: fc.constantFrom("plain", "exclusive", "shared", "run"), retryPolicy },
              { requiredKeys: ["name", "kind"], ...PLAIN },
            ),
            { maxLength: 3 },
          ),
        },
        { requiredKeys: ["name", "kind", "handlers"], ...PLAIN },
      ),
      { maxLength: 2 },
    ),
  },
  PLAIN,
);
const strings = fc.dictionary(anyText, anyText, { maxKeys: 3, ...PLAIN });

function body<Kind extends RecordBody["kind"], Fields extends object>(
  kind: Kind,
  fields: { [Name in keyof Fields]: fc.Arbitrary<Fields[Name]> },
): fc.Arbitrary<{ readonly kind: Kind } & Fields> {
  return fc
    .record(fields, PLAIN)
    .map((values) => ({ kind, ...values }) as unknown as { readonly kind: Kind } & Fields);
}

const message = fc.record({ type: fc.nat(0xffff), body: bytes, message: fc.constant(undefined) }, PLAIN);

const duration = fc.option(number, { nil: undefined });
/** Those that JSON keeps: an option that is `undefined` is none. */
const overrides: fc.Arbitrary<ServiceOverrides> = fc
  .record(
    {
      ingressPrivate: fc.option(fc.boolean(), { nil: undefined }),
      journalRetentionMs: duration,
      abortTimeoutMs: duration,
    },
    PLAIN,
  )
  .map((options) => JSON.parse(JSON.stringify(options)) as ServiceOverrides);

export const anyBody: fc.Arbitrary<RecordBody> = fc.oneof(
  body("engine-started", { epoch: number, settings }),
  body("invoke", {
    id: anyText,
    target,
    input: bytes,
    inputHash: number,
    idempotencyKey: optionalText,
    startAt: number,
    source,
  }),
  body("attempt-messages", {
    id: anyText,
    attempt: number,
    messages: fc.array(message, { maxLength: 4 }),
    childIds: texts,
  }),
  body("attempt-lost", {
    id: anyText,
    attempt: number,
    code: anyText,
    message: anyText,
    counted: fc.boolean(),
    pause: fc.boolean(),
    retryDelayMs: indexOrNone,
  }),
  body("timers-fired", { keys: texts }),
  body("signal", {
    id: anyText,
    index: fc.option(fc.integer({ min: 1, max: 0xffff_ffff }), { nil: undefined }),
    name: optionalText,
    result,
    cause: anyText,
  }),
  body("complete-promise", { service: anyText, key: anyText, name: anyText, result }),
  body("cancel", { id: anyText }),
  body("kill", { id: anyText }),
  body("pause", { id: anyText }),
  body("resume", { id: anyText, deployment: optionalText }),
  body("restart", { id: anyText, newId: anyText, fromCommand: number, deployment: optionalText }),
  body("purge", { id: anyText, journalOnly: fc.boolean() }),
  body("reschedule", { id: anyText, startAt: number }),
  body("expire", { ids: texts, budget: fc.boolean() }),
  body("register-deployment", {
    id: anyText,
    url: anyText,
    manifest,
    metadata: strings,
    headers: strings,
    force: fc.boolean(),
    breaking: fc.boolean(),
    dryRun: fc.boolean(),
  }),
  body("remove-deployment", { id: anyText, force: fc.boolean() }),
  body("patch-state", {
    service: anyText,
    key: anyText,
    expectedVersion: indexOrNone,
    entries: fc.array(fc.tuple(anyText, bytes), { maxLength: 4 }),
  }),
  body("update-deployment", { id: anyText, url: anyText, headers: strings, manifest }),
  body("configure-service", { service: anyText, options: overrides }),
);

export const anyRecord: fc.Arbitrary<LogRecord> = fc.record({ at: number, body: anyBody }, PLAIN);

// -- rows --------------------------------------------------------------------------------------------------------------

const event: fc.Arbitrary<InvocationEvent> = fc.record(
  {
    kind: fc.constantFrom("attempt-failed", "paused", "resumed", "suspended", "cancel-requested"),
    at: number,
    afterEntry: number,
    code: anyText,
    message: anyText,
    stacktrace: anyText,
    relatedCommandIndex: indexOrNone,
    relatedCommandName: anyText,
    count: number,
  },
  PLAIN,
);
const operation: fc.Arbitrary<OpenOperation> = fc.record(
  {
    kind: fc.constantFrom("run", "sleep", "call", "promise", "attach"),
    detail: anyText,
    since: number,
    timer: anyText,
    failures: number,
    lastFailure: anyText,
    nextTryAt: number,
  },
  PLAIN,
);
const waiter: fc.Arbitrary<Waiter> = fc.record(
  { id: anyText, completionId: number, kind: fc.constantFrom("call", "attach") },
  PLAIN,
);
const awaiting: fc.Arbitrary<AwaitingSet> = fc.record(
  { completions: numbers, signals: numbers, namedSignals: named },
  PLAIN,
);

/** As a checkpoint reads it back: what is in memory only is empty. */
export const anyInvocation: fc.Arbitrary<Invocation> = fc.record(
  {
    id: anyText,
    target,
    source,
    idempotencyKey: optionalText,
    inputHash: number,
    seedId: anyText,
    createdAt: number,
    modifiedAt: number,
    status: fc.constantFrom(
      "scheduled",
      "queued",
      "running",
      "backing-off",
      "suspended",
      "paused",
      "completed",
    ),
    scheduledAt: number,
    startedAt: number,
    completedAt: number,
    deployment: optionalText,
    attempt: number,
    retryCount: number,
    failuresSinceCommand: number,
    restateVersion: number,
    nextRetryAt: number,
    timer: anyText,
    inboxSeq: number,
    awaiting: fc.option(awaiting, { nil: undefined }),
    lastFailure: fc.option(event, { nil: undefined }),
    events: fc.array(event, { maxLength: 4 }),
    open: fc.array(fc.tuple(number, operation), { maxLength: 4 }).map((entries) => new Map(entries)),
    waiters: fc.array(waiter, { maxLength: 3 }),
    settledSignals: numbers.map((each) => new Set(each)),
    namedSignals: named.map((each) => new Map(each)),
    cancelledInAttempt: number,
    output: optionalResult,
    result: optionalResult,
    expiresAt: number,
    keptUntil: number,
    recordedOn: anyText,
    lostAttempts: number,
    journalLength: number,
    commandCount: number,
    journalBytes: number,
    lastEntryAt: number,
    tail: fc.constant([]),
    storing: fc.constant(0),
    chunks: numbers,
  },
  PLAIN,
);

/** Entries of one journal: their times never go back. */
export const anyJournal: fc.Arbitrary<JournalEntry[]> = fc
  .array(
    fc.record(
      {
        type: fc.nat(0xffff),
        body: bytes,
        at: fc.nat(1_000_000),
        attempt: number,
        deployment: fc.constantFrom("", "dp1", "dp2"),
        cause: anyText,
      },
      PLAIN,
    ),
    { maxLength: 6 },
  )
  .map((entries) => entries.toSorted((a, b) => a.at - b.at));

const promise: fc.Arbitrary<PromiseRow> = fc.record(
  {
    result: optionalResult,
    settledAt: number,
    waiters: fc.array(fc.record({ id: anyText, completionId: number }, PLAIN), { maxLength: 3 }),
  },
  PLAIN,
);

export const anyObject: fc.Arbitrary<ObjectRow> = fc
  .record(
    {
      holder: optionalText,
      inboxHead: number,
      inboxTail: number,
      inboxLength: number,
      state: fc.array(fc.tuple(anyText, bytes), { maxLength: 4 }).map((entries) => new Map(entries)),
      stateVersion: number,
      runId: optionalText,
      promises: fc.array(fc.tuple(anyText, promise), { maxLength: 3 }).map((entries) => new Map(entries)),
    },
    PLAIN,
  )
  .map((row) => ({ ...row, stateBytes: stateBytesOf(row.state) }));

function stateBytesOf(state: ReadonlyMap<string, Uint8Array>): number {
  let total = 0;
  for (const [key, value] of state) total += key.length + value.length;
  return total;
}

export const anyInbox: fc.Arbitrary<InboxRow> = fc.record({ id: anyText }, PLAIN);

export const anyTimer: fc.Arbitrary<TimerRow> = fc.record(
  { kind: fc.constantFrom("sleep", "start", "retry"), id: anyText, completionId: number },
  PLAIN,
);

export const anyDeployment: fc.Arbitrary<DeploymentRow> = fc.record(
  {
    id: anyText,
    url: anyText,
    manifest,
    createdAt: number,
    metadata: strings,
    headers: strings,
    revisions: fc.dictionary(anyText, number, { maxKeys: 3, ...PLAIN }),
    overrides: fc.dictionary(anyText, overrides, { maxKeys: 2, ...PLAIN }),
    live: number,
  },
  PLAIN,
);

export const anyMeta: fc.Arbitrary<MetaRow> = fc.record(
  { now: number, nextTimerSeq: number, epoch: number, settingsJson: anyText },
  PLAIN,
);
