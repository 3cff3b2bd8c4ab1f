/** A wire of the product, watched: what leaves the engine for handlers, and what comes back. */
import type { JournalEntry } from "@holdfast/engine";
import type { StartMessage } from "@holdfast/protocol";
import type { Session, SessionListener, Wire } from "@holdfast/server/parts";

import type { WorldEvent } from "../invariants/world-event.ts";

export class ObservedWire implements Wire {
  readonly #wire: Wire;
  readonly #deployment: string;
  readonly #life: number;
  readonly #emit: (event: WorldEvent) => void;
  readonly #attemptOf: (invocation: string) => number;

  constructor(
    wire: Wire,
    context: {
      readonly deployment: string;
      readonly life: number;
      readonly emit: (event: WorldEvent) => void;
      /** Number of the attempt that is being started. */
      readonly attemptOf: (invocation: string) => number;
    },
  ) {
    this.#wire = wire;
    this.#deployment = context.deployment;
    this.#life = context.life;
    this.#emit = context.emit;
    this.#attemptOf = context.attemptOf;
  }

  open(
    start: StartMessage,
    journal: readonly JournalEntry[],
    listener: SessionListener,
    restateVersion: number,
  ): Session {
    const invocation = start.invocationId;
    const attempt = this.#attemptOf(invocation);
    const of = { life: this.#life, invocation, attempt };
    this.#emit({
      kind: "attempt-started",
      ...of,
      deployment: this.#deployment,
      knownEntries: start.knownEntries,
      journal,
    });
    const observed: SessionListener = {
      onMessage: (message, body, bytes) => {
        this.#emit({ kind: "received", ...of, message });
        listener.onMessage(message, body, bytes);
      },
      onLost: (code, reason, reached, next) => listener.onLost(code, reason, reached, next),
    };
    const session = this.#wire.open(start, journal, observed, restateVersion);
    return {
      deliver: (entry) => {
        this.#emit({ kind: "delivered", ...of, entry });
        session.deliver(entry);
      },
      ackRun: (completionId, entry) => {
        this.#emit({ kind: "run-acked", ...of, completionId });
        session.ackRun(completionId, entry);
      },
      requestSuspend: () => session.requestSuspend(),
      abort: (reason) => session.abort(reason),
      consumed: (bytes) => session.consumed(bytes),
    };
  }

  send(): void {
    this.#wire.send();
  }

  get isReachable(): boolean {
    return this.#wire.isReachable;
  }

  close(): void {
    this.#wire.close();
  }
}
