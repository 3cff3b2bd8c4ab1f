/** One handler against a fake engine, for tests of how a session behaves. */
import { decodeValue, MessageType, type Failure, type SdkMessage } from "@holdfast/protocol";

import type { Context } from "../context.ts";
import { service } from "../definition/service.ts";
import { inProcessEndpoint } from "../endpoint/in-process.ts";
import type { Environment, LogEntry, SessionOptions } from "./environment.ts";
import { FakeEngine, type AttemptEnd, type FakeEngineOptions } from "./fake-engine.ts";

export interface Driven {
  readonly engine: FakeEngine;
  readonly logged: LogEntry[];
  /** What was asked of the timers, in milliseconds. */
  readonly delays: number[];
}

export interface DriveOptions {
  readonly engine?: Partial<FakeEngineOptions>;
  readonly session?: SessionOptions;
  readonly environment?: Partial<Environment>;
}

/** An engine for a plain handler. Timers fire soon, whatever they were set to. */
export function drive(run: (ctx: Context, input: string) => unknown, options: DriveOptions = {}): Driven {
  const logged: LogEntry[] = [];
  const delays: number[] = [];
  const endpoint = inProcessEndpoint(
    [service("tested", { run })],
    { log: (entry) => logged.push(entry), ...options.session },
    {
      now: () => 1_000_000,
      timers: {
        set: (ms, callback) => {
          delays.push(ms);
          const handle = setImmediate(callback);
          return () => clearImmediate(handle);
        },
      },
      ...options.environment,
    },
  );
  return {
    engine: new FakeEngine({ endpoint, service: "tested", handler: "run", ...options.engine }),
    logged,
    delays,
  };
}

/** The value of a completed invocation. Fails the test for every other end. */
export function valueOf(end: AttemptEnd): unknown {
  if (end.kind === "completed" && end.result.kind === "value") return decodeValue(end.result.value);
  throw new Error(`not completed with a value: ${JSON.stringify(end)}`);
}

export function failureIn(end: AttemptEnd): Failure {
  if (end.kind === "completed" && end.result.kind === "failure") return end.result.failure;
  throw new Error(`not completed with a failure: ${JSON.stringify(end)}`);
}

/** The message of an attempt that ended with an error. */
export function errorIn(end: AttemptEnd): Extract<AttemptEnd, { readonly kind: "failed" }>["error"] {
  if (end.kind === "failed") return end.error;
  throw new Error(`not failed: ${JSON.stringify(end)}`);
}

export function proposals(sent: readonly SdkMessage[]): readonly unknown[] {
  return sent.flatMap((message) =>
    message.type === MessageType.ProposeRunCompletion && message.result.kind === "value"
      ? [decodeValue(message.result.value)]
      : [],
  );
}
