/** What a session needs from the world around it. Everything that is not a function of the journal comes through here. */
import { decodeValue, encodeValue, FRAME_BODY_BYTES_MAX, shownLine } from "@holdfast/protocol";

import type { LogFields } from "../context.ts";
import { createTurns, systemDefer, type Turns } from "./turns.ts";

export interface Environment {
  readonly turns: Turns;
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
  readonly timers: Timers;
  readonly codec: ValueCodec;
  readonly log: LogSink;
  /** Largest value that goes into one message, in bytes. */
  readonly messageBytesMax: number;
  /** A handler that waits for nothing but sleeps of at least this long is suspended without being asked. */
  readonly suspendSleepMs: number;
  /** How long recorded commands may stay unclaimed after the replay, in case the code awaits something of its own. */
  readonly replayGraceMs: number;
  /** Whether commands carry the place in the code that issued them. */
  readonly callSites: boolean;
  /** Whether the engine answers proposals within the attempt. False where it has stopped sending after the journal. */
  readonly acknowledges: boolean;
  /** Finds out across awaits whether code runs inside a step. Where there is none, only its synchronous part is guarded. */
  readonly scope: StepScopeTracker | undefined;
}

export interface Timers {
  /** Calls back once after `ms`. The returned function takes it back. */
  set(ms: number, callback: () => void): () => void;
}

/**
 * Where a value lies, for codecs that bind its bytes to that: the same when it is written and when it is read. Where a
 * reader knows less than the writer did, fields are left out.
 */
export type ValuePlace =
  /** Input of calls to a handler. */
  | { readonly kind: "input"; readonly service: string; readonly handler: string; readonly key: string }
  /** What a handler returned. */
  | {
      readonly kind: "output";
      readonly invocationId?: string;
      readonly service?: string;
      readonly handler?: string;
      readonly key?: string;
    }
  /** Result of a step. `journal` is the same for an invocation and for restarts that keep part of its journal. */
  | { readonly kind: "step"; readonly journal: string; readonly completionId: number }
  | { readonly kind: "state"; readonly service: string; readonly key: string; readonly name: string }
  | { readonly kind: "promise"; readonly service: string; readonly key: string; readonly name: string }
  | { readonly kind: "awakeable"; readonly id: string }
  | { readonly kind: "signal"; readonly invocationId: string; readonly name: string };

/** How values become bytes. The hook for encryption: whatever is returned is what engine and disk see. */
export interface ValueCodec {
  /** Throws UnstorableValueError, whose message begins with `root`, for what has no stored form. */
  encode(value: unknown, root: string, place: ValuePlace): Uint8Array;
  /** Throws PauseError for what cannot be read now and may be later: the invocation waits for a person. */
  decode(bytes: Uint8Array, place: ValuePlace): unknown;
  /** Set it when the same value gives different bytes each time (a nonce). Then replay does not compare payloads. */
  readonly isRandomized?: boolean;
}

export interface StepScopeTracker {
  run<Result>(session: object, callback: () => Result): Result;
  current(): object | undefined;
}

export interface LogEntry {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly message: string;
  readonly fields: LogFields | undefined;
  readonly invocationId: string;
  readonly service: string;
  readonly handler: string;
  readonly key: string;
  readonly attempt: number;
}

export type LogSink = (entry: LogEntry) => void;

/** What users may set for an endpoint. */
export interface SessionOptions {
  /** Receives what handlers log, and what the SDK warns of. Default: the console. */
  readonly log?: LogSink;
  /** How values become bytes. Default: JSON with extensions for dates, maps, bigints, bytes and errors. */
  readonly codec?: ValueCodec;
  /** Record which line issued each command. Default: true. */
  readonly callSites?: boolean;
  /** Largest value in one message, in bytes. Default: 32 MiB. */
  readonly messageBytesMax?: number;
}

const SUSPEND_SLEEP_MS = 5_000;
const REPLAY_GRACE_MS = 250;
/** A body holds a value and the fields around it. */
const MESSAGE_FIELDS_BYTES = 64 * 1024;
/** What setTimeout can take; longer waits are cut into pieces. */
const TIMEOUT_MS_MAX = 2 ** 31 - 1;

const systemTurns = createTurns(systemDefer());
const systemScope = createScopeTracker();

export function systemEnvironment(
  options: SessionOptions = {},
  overrides: Partial<Environment> = {},
): Environment {
  return {
    turns: systemTurns,
    now: Date.now,
    timers: { set: setTimer },
    codec: options.codec ?? { encode: encodeValue, decode: decodeValue },
    log: options.log ?? logToConsole,
    messageBytesMax: options.messageBytesMax ?? FRAME_BODY_BYTES_MAX - MESSAGE_FIELDS_BYTES,
    suspendSleepMs: SUSPEND_SLEEP_MS,
    replayGraceMs: REPLAY_GRACE_MS,
    callSites: options.callSites ?? true,
    acknowledges: true,
    scope: systemScope,
    ...overrides,
  };
}

function setTimer(ms: number, callback: () => void): () => void {
  let handle: unknown;
  let rest = ms;
  const arm = (): void => {
    const part = Math.min(rest, TIMEOUT_MS_MAX);
    rest -= part;
    handle = setTimeout(rest > 0 ? arm : callback, part);
  };
  arm();
  return () => clearTimeout(handle as ReturnType<typeof setTimeout>);
}

function logToConsole(entry: LogEntry): void {
  const target =
    entry.key === "" ? `${entry.service}/${entry.handler}` : `${entry.service}/${entry.key}/${entry.handler}`;
  // Keys come from callers, and messages are often made of what they sent.
  const line = shownLine(`[${target} ${entry.invocationId}] ${entry.message}`);
  if (entry.fields === undefined) console[entry.level](line);
  else console[entry.level](line, entry.fields);
}

interface AsyncStorage {
  run<Result>(store: object, callback: () => Result): Result;
  getStore(): object | undefined;
}

/** By way of the global, because an import would tie the package to one runtime. */
function createScopeTracker(): StepScopeTracker | undefined {
  const { process } = globalThis as {
    readonly process?: {
      readonly getBuiltinModule?: (
        name: string,
      ) => { readonly AsyncLocalStorage?: new () => AsyncStorage } | undefined;
    };
  };
  const storageClass = process?.getBuiltinModule?.("node:async_hooks")?.AsyncLocalStorage;
  if (storageClass === undefined) return undefined;
  const storage = new storageClass();
  return {
    run: (session, callback) => storage.run(session, callback),
    current: () => storage.getStore(),
  };
}
