/**
 * Every setting of the server, in one table: its key, its default, what it means, and which error a violated limit gives.
 * `config.ts` reads values for it, `docs/configuration.md` and `GET /limits` are made from it.
 */
import type { ErrorCode } from "@holdfast/protocol";

import {
  PROTOCOL_VERSION_DEFAULT,
  PROTOCOL_VERSION_MAX,
  PROTOCOL_VERSION_MIN,
} from "./invoker/restate/protocol-versions.ts";

export type SettingUnit = "bytes" | "ms" | "count";

type Common = {
  readonly meaning: string;
  /** Not shown by any API. */
  readonly isSecret?: boolean;
};

export type NumberSetting = Common & {
  readonly type: "number";
  readonly default: number;
  readonly unit: SettingUnit;
  readonly min: number;
  readonly max: number;
  /** A limit on what others send: the error that names it. Other numbers tune. */
  readonly code?: ErrorCode;
};
export type TextSetting = Common & { readonly type: "text"; readonly default: string };
export type ListSetting = Common & { readonly type: "list"; readonly default: readonly string[] };
export type ChoiceSetting = Common & {
  readonly type: "choice";
  readonly default: string;
  readonly choices: readonly string[];
};
export type Setting = NumberSetting | TextSetting | ListSetting | ChoiceSetting;

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;
const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const YEAR = 365 * DAY;

function bytes(defaultValue: number, meaning: string, code?: ErrorCode): NumberSetting {
  const range = { min: 1, max: 1024 * GIB };
  return {
    type: "number",
    unit: "bytes",
    default: defaultValue,
    meaning,
    ...range,
    ...(code === undefined ? {} : { code }),
  };
}

function count(defaultValue: number, meaning: string, code?: ErrorCode): NumberSetting {
  const range = { min: 1, max: 1_000_000_000 };
  return {
    type: "number",
    unit: "count",
    default: defaultValue,
    meaning,
    ...range,
    ...(code === undefined ? {} : { code }),
  };
}

/** A limit with a least value below which nothing would work. */
function limit(unit: "bytes" | "ms", defaultValue: number, meaning: string, code: ErrorCode): NumberSetting {
  const [min, max] = unit === "ms" ? [100, HOUR] : [128 * MIB, 64 * GIB];
  return { type: "number", unit, default: defaultValue, meaning, min, max, code };
}

/** Durations may be written as "10m". */
function duration(defaultMs: number, meaning: string, min = 0): NumberSetting {
  return { type: "number", unit: "ms", default: defaultMs, meaning, min, max: 100 * YEAR };
}

function port(defaultPort: number, meaning: string): NumberSetting {
  return { type: "number", unit: "count", default: defaultPort, meaning, min: 0, max: 65_535 };
}

export const settings = {
  data: {
    type: "text",
    default: "holdfast-data",
    meaning: "Directory of log and checkpoints. One process at a time",
  },

  "ingress.host": { type: "text", default: "127.0.0.1", meaning: "Address the ingress listens on" },
  "ingress.port": port(8080, "Port of the ingress; 0 takes a free one"),
  "ingress.hosts": {
    type: "list",
    default: [],
    meaning:
      "Further names that the Host header may hold; any when the ingress is not on a loopback address and this is empty",
  },
  "ingress.bodyBytesMax": bytes(10 * MIB, "Body of one request", "body-too-large"),
  "ingress.receivingBytesMax": bytes(
    256 * MIB,
    "Bodies that are being received at a time, by ingress and admin together; each piece that arrived counts 512 bytes more",
    "overloaded",
  ),
  "ingress.headerBytesMax": bytes(32 * KIB, "All headers of one request", "header-too-large"),
  "ingress.headersMax": count(100, "Number of headers of one request", "header-too-large"),
  "ingress.urlBytesMax": bytes(8 * KIB, "Path and query of one request", "url-too-long"),
  "ingress.keyBytesMax": bytes(2 * KIB, "Key of an object or workflow", "key-invalid"),
  "ingress.idempotencyKeyBytesMax": bytes(1 * KIB, "Idempotency key", "idempotency-key-invalid"),
  "ingress.jsonDepthMax": count(64, "Nesting of a JSON body", "body-invalid-json"),
  "ingress.connectionsMax": count(10_000, "Open connections", "overloaded"),
  "ingress.waitingCallsMax": count(100_000, "Calls that wait for their outcome at a time", "overloaded"),
  "ingress.requestTimeout": duration(60 * SECOND, "Time for a request to arrive", SECOND),
  "ingress.idleTimeout": duration(75 * SECOND, "Time an idle connection is kept", SECOND),
  "ingress.corsOrigins": { type: "list", default: [], meaning: 'Origins whose pages may call; "*" for all' },
  "ingress.storedHeaders": {
    type: "list",
    default: [
      "content-type",
      "traceparent",
      "tracestate",
      "x-*",
      "!x-forwarded-*",
      "!x-real-ip",
      "!x-api-key",
      "!x-auth-*",
    ],
    meaning: "Headers that are kept in the journal and given to handlers. Credentials never are",
  },

  "ingress.auth": {
    type: "choice",
    default: "off",
    choices: ["off", "token", "jwt"],
    meaning:
      "Who may call: everyone who reaches the ingress (off), or whoever shows one of ingress.tokens or a JWT",
  },
  "ingress.tokens": {
    type: "list",
    default: [],
    isSecret: true,
    meaning: "Callers and their tokens: NAME=SHA256 each, the digest of the token in hex",
  },
  "ingress.jwt.jwksUrl": {
    type: "text",
    default: "",
    meaning: "Where the issuer's public keys are; https, or http on this machine",
  },
  "ingress.jwt.issuer": { type: "text", default: "", meaning: "The iss of every token" },
  "ingress.jwt.audiences": { type: "list", default: [], meaning: "A token's aud must be one of them" },
  "ingress.jwt.algorithms": {
    type: "list",
    default: ["RS256", "ES256", "EdDSA"],
    meaning: "Algorithms that a token may be signed with",
  },
  "ingress.jwt.clockSkew": duration(60 * SECOND, "How far the issuer's clock may be off"),
  "ingress.principalRateMax": count(
    10_000,
    "Requests of one caller in a second, with ingress.auth",
    "rate-limited",
  ),
  "ingress.authFailuresMax": count(60, "Wrong tokens from one address in a minute", "rate-limited"),

  "admin.host": {
    type: "text",
    default: "127.0.0.1",
    meaning: "Address the admin API listens on; another than loopback needs admin.token",
  },
  "admin.port": port(9070, "Port of the admin API; 0 takes a free one"),
  "admin.hosts": { type: "list", default: [], meaning: "Further names that the Host header may hold" },
  "admin.token": {
    type: "text",
    default: "",
    isSecret: true,
    meaning: "Bearer token that every admin request must carry; empty: none, loopback only",
  },
  "admin.bodyBytesMax": bytes(10 * MIB, "Body of one admin request", "body-too-large"),
  "admin.connectionsMax": count(1_000, "Open connections", "overloaded"),

  "query.timeLimit": limit("ms", 30 * SECOND, "Time that a query may take", "query-limit-exceeded"),
  "query.rowsMax": count(100_000, "Rows of the result of a query", "query-limit-exceeded"),
  "query.resultBytesMax": bytes(32 * MIB, "Size of the result of a query", "query-limit-exceeded"),
  "query.memoryBytesMax": limit(
    "bytes",
    512 * MIB,
    "Memory of the process that runs a query; at least 128 MiB",
    "query-limit-exceeded",
  ),
  "query.runningMax": count(2, "Queries that run at a time, each in a process of its own"),
  "query.waitingMax": count(16, "Further queries that wait for their turn", "overloaded"),

  "ids.secret": {
    type: "text",
    default: "",
    isSecret: true,
    meaning:
      "Makes ids that follow from idempotency and workflow keys unguessable. Another secret, other ids: keys used before are forgotten",
  },

  "deployments.allowedNetworks": {
    type: "list",
    default: [],
    meaning:
      'Where deployments may be: "loopback", "private", addresses, blocks such as 10.1.0.0/16; empty: everywhere else than denied',
  },
  "deployments.deniedNetworks": {
    type: "list",
    default: [],
    meaning: 'Where they may not be. In production: "loopback", "private", or only allowed ones',
  },

  "identity.sign": {
    type: "choice",
    default: "on",
    choices: ["on", "off"],
    meaning:
      "Sign requests to handlers, so that they can tell this engine from others (identityKeys of serve)",
  },
  "identity.keyFile": {
    type: "text",
    default: "",
    meaning: "Ed25519 private key, PEM, mode 0600; made when it is missing. Empty: identity.pem in data",
  },

  "log.segmentBytes": bytes(64 * MIB, "Size of a log segment"),
  "batch.bytesMax": bytes(1 * MIB, "A batch is closed early at this size"),
  "batch.pendingBytesMax": bytes(64 * MIB, "Accepted and not yet durable: more is refused", "overloaded"),
  "checkpoint.dirtyRows": count(20_000, "A checkpoint is taken when so many rows changed"),
  "checkpoint.logBytes": bytes(32 * MIB, "or so much was logged since the last"),
  "checkpoint.interval": duration(10 * SECOND, "or something changed and so much time passed", 100),

  "session.messageBytesMax": bytes(32 * MIB, "One message between engine and handler", "message-too-large"),
  "session.attemptsMax": count(100_000, "Attempts under way at a time; more wait"),
  "session.inactivityTimeout": duration(
    1 * MINUTE,
    "Silence of a handler after which it is asked to suspend",
  ),
  "session.abortTimeout": duration(10 * MINUTE, "Time it then has before its attempt is cut off"),

  "restate.protocolVersionMax": {
    type: "number",
    unit: "count",
    default: PROTOCOL_VERSION_DEFAULT,
    min: PROTOCOL_VERSION_MIN,
    max: PROTOCOL_VERSION_MAX,
    meaning:
      "Newest version of Restate's service protocol that is spoken with its SDKs, 5 to 7. What has begun keeps its version",
  },

  "retry.initialInterval": duration(500, "Wait before the second attempt"),
  "retry.factor": {
    type: "number",
    unit: "count",
    default: 2,
    min: 1,
    max: 100,
    meaning: "What the wait is multiplied with each time",
  },
  "retry.maxInterval": duration(1 * MINUTE, "Longest wait"),
  "retry.maxAttempts": count(70, "Attempts without progress before giving up"),
  "retry.crashesMax": count(
    20,
    "Crashes of the engine in a row, without a finished step, after which whoever ran in each is suspected of causing them",
  ),
  "retry.onMaxAttempts": {
    type: "choice",
    default: "pause",
    choices: ["pause", "kill"],
    meaning: "What giving up is: wait for a person, or fail",
  },

  "retention.journal": duration(1 * DAY, "How long a completed invocation and its journal are kept"),
  "retention.idempotency": duration(1 * DAY, "How long an idempotency key stands for its outcome"),
  "retention.workflow": duration(1 * DAY, "How long a workflow's outcome, state and promises are kept"),
  "retention.diskBudgetBytes": bytes(
    20 * GIB,
    "Completed invocations on disk; the oldest go first, never one that an idempotency key or workflow still needs",
  ),
  "retention.interval": duration(5 * SECOND, "Time between two looks for what may go", 100),

  "limits.journalEntriesMax": count(
    1_000_000,
    "Entries of one journal; a longer one pauses its invocation",
    "journal-too-long",
  ),
  "limits.journalBytesMax": bytes(1 * GIB, "Bytes of one journal", "journal-too-long"),
  "limits.stateValueBytesMax": bytes(32 * MIB, "One state value", "message-too-large"),
  "limits.stateBytesMax": bytes(256 * MIB, "All state of one key", "message-too-large"),
  "limits.inboxMax": count(1_000_000, "Invocations that wait for one object key", "overloaded"),
} as const satisfies Record<string, Setting>;

export type SettingKey = keyof typeof settings;

/** The environment variable of a setting: "ingress.bodyBytesMax" is HOLDFAST_INGRESS_BODY_BYTES_MAX. */
export function environmentName(key: string): string {
  return `HOLDFAST_${key
    .replace(/([a-z])([A-Z])/g, "$1_$2")
    .replaceAll(".", "_")
    .toUpperCase()}`;
}
