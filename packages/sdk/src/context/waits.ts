/** Waiting with a time limit: whichever notification comes first decides, the promised one or the end of a sleep. */
import { MessageType, type Duration } from "@holdfast/protocol";

import type { Wait } from "../context.ts";
import { milliseconds } from "../definition/options.ts";
import { TerminalError } from "../errors.ts";
import type { Entry } from "../replay/call-site.ts";
import type { Operation } from "../replay/operation.ts";
import type { Session } from "../replay/session.ts";

export class Waits {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  sleep(duration: Duration, name: string | undefined, entry: Entry): Operation<void> {
    const ms = milliseconds(duration, "ctx.sleep");
    const wakeUpAt = this.#session.environment.now() + ms;
    const build = (completionId: number) =>
      ({ type: MessageType.Sleep, wakeUpAt, completionId, ...(name === undefined ? {} : { name }) }) as const;
    return this.#session.request("sleep", name ?? duration, build, nothing, entry);
  }

  /** Cancelling throws; being rejected by others and running out of time are values. */
  settle<Value>(
    operation: Operation<Value>,
    timeout: Duration | undefined,
    entry: Entry,
  ): Promise<Wait<Value>> {
    if (timeout === undefined)
      return operation.promise.then(fulfilled, (error: unknown) => rejected<Value>(operation, error));
    const clock = this.sleep(timeout, undefined, entry);
    return new Promise((resolve, reject) => {
      operation.promise.then(
        (value) => {
          clock.withdraw();
          resolve(fulfilled(value));
        },
        (error: unknown) => {
          clock.withdraw();
          resolve(rejected<Value>(operation, error));
        },
      );
      clock.promise.then(() => {
        operation.withdraw();
        resolve({ ok: false, reason: "timeout" });
      }, reject);
    });
  }
}

function nothing(): void {
  // A sleep ends without a value.
}

function fulfilled<Value>(value: Value): Wait<Value> {
  return { ok: true, value };
}

async function rejected<Value>(operation: Operation<Value>, error: unknown): Promise<Wait<Value>> {
  if (operation.isCancelled || !(error instanceof TerminalError)) throw error;
  return { ok: false, reason: "rejected", error };
}
