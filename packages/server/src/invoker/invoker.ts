import type { DeliverEffect, Effect, RecordBody, StartAttemptEffect, Tables } from "@holdfast/engine";
/**
 * Drives attempts: performs the fold's effects towards handlers, and proposes what handlers send.
 *
 * Everything here is volatile. When the process dies, every running invocation gets a new attempt; what an old session
 * still sends is refused by the fold, because its attempt number is not the newest.
 */
import { MessageType, type SdkMessage } from "@holdfast/protocol";

import type { EngineClock } from "../partition/engine-clock.ts";
import type { InvocationIds } from "../partition/invocation-ids.ts";
import type { AttemptEffects } from "../partition/processor.ts";
import { AttemptSession } from "./attempt-session.ts";
import { boundFailure, type Sent } from "./bounded-failure.ts";
import { inEngineTime } from "./engine-time.ts";
import type { NoWire, Session, SessionListener, Wire } from "./wire.ts";

/** Timeouts are looked at this often at most, ms. */
const SWEEP_MS_MIN = 20;
const SWEEP_MS_MAX = 1_000;
/** Sweeps per shortest timeout: how late a timeout may be noticed. */
const SWEEPS_PER_TIMEOUT = 4;

export type InvokerOptions = {
  readonly clock: EngineClock;
  readonly tables: Tables;
  readonly ids: InvocationIds;
  /** Attempts under way at a time; more wait in the order they became due. */
  readonly attemptsMax: number;
  /** Throws when the record cannot be written down. */
  readonly submit: (body: RecordBody, done: () => void) => void;
  /** Asks for `flush` at the end of this turn. */
  readonly requestTurn: () => void;
  /** The way to a deployment, or why there is none. */
  readonly wireFor: (deployment: string) => Wire | NoWire;
  readonly onDeploymentsChanged: () => void;
  /** Has every wire send what it holds. */
  readonly sendOnWires: () => void;
};

type WaitingAttempt = { readonly effect: StartAttemptEffect; readonly missed: DeliverEffect[] };

type Loss = {
  readonly code: string;
  readonly message: string;
  readonly counted: boolean;
  readonly pause: boolean;
  /** Default: the policy's. */
  readonly retryDelayMs?: number;
};

export class Invoker implements AttemptEffects {
  readonly #options: InvokerOptions;
  readonly #attempts = new Map<string, AttemptSession>();
  /** Attempts with messages to hand over. */
  #dirty: AttemptSession[] = [];
  /** Attempts that wait for a free place, oldest first, by invocation. */
  readonly #waiting = new Map<string, WaitingAttempt>();
  #stopSweeping: (() => void) | undefined;
  #shortestTimeoutMs = Number.POSITIVE_INFINITY;
  #closed = false;
  readonly #aheadOfWall = (): number => this.#options.clock.aheadOfWall;

  constructor(options: InvokerOptions) {
    this.#options = options;
  }

  get runningCount(): number {
    return this.#attempts.size;
  }

  get waitingCount(): number {
    return this.#waiting.size;
  }

  /** Whether some attempt has a step under way that is not waiting for its next try. */
  isExecutingSteps(): boolean {
    const now = this.#options.clock.now();
    for (const { id } of this.#attempts.values()) {
      for (const operation of this.#options.tables.invocations.get(id)?.open.values() ?? []) {
        if (operation.kind === "run" && operation.nextTryAt <= now) return true;
      }
    }
    return false;
  }

  perform(effect: Effect): void {
    if (this.#closed) return;
    switch (effect.kind) {
      case "start-attempt":
        if (this.#attempts.size >= this.#options.attemptsMax)
          this.#waiting.set(effect.id, { effect, missed: [] });
        else this.#start(effect);
        return;
      case "deliver":
        this.#deliver(effect);
        return;
      case "ack-run":
        this.#session(effect.id, effect.attempt)?.ackRun(effect.completionId, effect.entry);
        return;
      case "abort-attempt":
        this.#abort(effect.id, effect.attempt, effect.reason);
        return;
      case "deployments-changed":
        this.#options.onDeploymentsChanged();
        return;
      default:
    }
  }

  #deliver(effect: DeliverEffect): void {
    const waiting = this.#waiting.get(effect.id);
    if (waiting === undefined) this.#session(effect.id, effect.attempt)?.deliver(effect.entry);
    // What the attempt begins with was fixed when it became due; what came since follows it.
    else if (waiting.effect.attempt === effect.attempt) waiting.missed.push(effect);
  }

  #session(id: string, attempt: number): Session | undefined {
    const running = this.#attempts.get(id);
    if (running === undefined || running.attempt !== attempt) return undefined;
    running.noteActivity(this.#options.clock.elapsed());
    return running.session;
  }

  #start(effect: StartAttemptEffect): void {
    const { tables, clock } = this.#options;
    const row = tables.invocations.get(effect.id);
    // Later records may already have ended it; their own effects follow.
    if (row === undefined || row.status !== "running" || row.attempt !== effect.attempt) return;
    if (effect.deployment === undefined) {
      const message = `No deployment serves ${row.target.service}/${row.target.handler}`;
      this.#lose(effect.id, effect.attempt, {
        code: "deployment-unavailable",
        message,
        counted: false,
        pause: false,
      });
      return;
    }
    const wire = this.#options.wireFor(effect.deployment);
    if ("isGone" in wire) {
      this.#lose(effect.id, effect.attempt, {
        code: wire.isGone ? "deployment-not-found" : "deployment-unavailable",
        message: wire.reason,
        counted: false,
        pause: wire.isGone,
      });
      return;
    }
    const timeouts = tables.handlerSettings(effect.deployment, row.target.service, row.target.handler);
    const attempt = new AttemptSession(effect.id, effect.attempt, timeouts, clock.elapsed());
    this.#abort(effect.id, this.#attempts.get(effect.id)?.attempt ?? 0, "a newer attempt began");
    this.#attempts.set(effect.id, attempt);
    const journal = tables.journal(row, effect.start.knownEntries);
    attempt.session = wire.open(effect.start, journal, this.#listener(attempt), row.restateVersion);
    // No silence is short enough: it is suspended at its first wait, without looking at a clock.
    if (timeouts.inactivityTimeoutMs === 0) attempt.session.requestSuspend();
    this.#watch(timeouts.inactivityTimeoutMs);
  }

  #listener(attempt: AttemptSession): SessionListener {
    return {
      onMessage: (message, body, bytes = body.length) => this.#receive(attempt, { message, body }, bytes),
      onLost: (code, reason, reached, next) => {
        if (attempt.isOver) return;
        attempt.end();
        this.#remove(attempt);
        const isHopeless = next === undefined && code !== "connection-lost";
        this.#lose(attempt.id, attempt.attempt, {
          code: reached || code !== "connection-lost" ? code : "deployment-unavailable",
          message: reason,
          counted: next?.isCounted ?? (isHopeless || (reached && !this.#onlyWaits(attempt.id))),
          pause: isHopeless,
          ...(next?.delayMs === undefined ? {} : { retryDelayMs: next.delayMs }),
        });
      },
    };
  }

  /** An invocation that had nothing to execute when its connection broke had no part in it. */
  #onlyWaits(id: string): boolean {
    const open = this.#options.tables.invocations.get(id)?.open;
    if (open === undefined || open.size === 0) return false;
    for (const operation of open.values()) if (operation.kind === "run") return false;
    return true;
  }

  #receive(attempt: AttemptSession, { message, body }: Sent, bytes: number): void {
    if (attempt.isOver || this.#closed) return;
    const { clock } = this.#options;
    const sent = inEngineTime(boundFailure(message, body), this.#aheadOfWall);
    if (attempt.add(sent, bytes, this.#childId(message), clock.elapsed())) {
      this.#dirty.push(attempt);
      this.#options.requestTurn();
    }
    if (attempt.isOver) this.#remove(attempt);
  }

  /** The id of the invocation that a command creates or names, where the fold cannot make it: it may draw nothing. */
  #childId(message: SdkMessage): string | undefined {
    const { ids, tables } = this.#options;
    switch (message.type) {
      case MessageType.Call:
      case MessageType.OneWayCall: {
        const kind = tables.service(message.service)?.handlers.get(message.handler)?.kind;
        return ids.forInvocation({
          ...message,
          idempotencyKey: message.idempotencyKey,
          isRun: kind === "run",
        });
      }
      case MessageType.AttachInvocation:
      case MessageType.GetInvocationOutput: {
        const { target } = message;
        if (target.kind === "invocation") return target.id;
        if (target.kind === "workflow") return ids.forInvocation({ ...target, handler: "run", isRun: true });
        return ids.forInvocation({ ...target, isRun: false });
      }
      default:
        return undefined;
    }
  }

  flush(): void {
    if (this.#dirty.length === 0) return;
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const attempt of dirty) {
      const taken = attempt.take();
      if (taken === undefined) continue;
      try {
        this.#options.submit(taken.record, () => attempt.session?.consumed(taken.bytes));
      } catch (error) {
        this.#giveUp(attempt, error);
      }
    }
  }

  /** What it sent cannot be recorded. What it sends from here on would lack that. */
  #giveUp(attempt: AttemptSession, error: unknown): void {
    const message = `What the handler sent was refused: ${error instanceof Error ? error.message : String(error)}`;
    attempt.end();
    attempt.session?.abort(message);
    this.#remove(attempt);
    // The same code would send the same again.
    this.#lose(attempt.id, attempt.attempt, {
      code: "protocol-violation",
      message,
      counted: true,
      pause: true,
    });
  }

  send(): void {
    this.#options.sendOnWires();
  }

  #abort(id: string, number: number, reason: string): void {
    if (this.#waiting.get(id)?.effect.attempt === number) this.#waiting.delete(id);
    const attempt = this.#attempts.get(id);
    if (attempt === undefined || attempt.attempt !== number) return;
    attempt.end();
    attempt.session?.abort(reason);
    this.#remove(attempt);
  }

  #lose(id: string, attempt: number, loss: Loss): void {
    if (this.#closed) return;
    // What it had sent before counts, and must be recorded before its end is.
    this.flush();
    this.#options.submit({ kind: "attempt-lost", id, attempt, retryDelayMs: -1, ...loss }, () => {});
  }

  #remove(attempt: AttemptSession): void {
    if (this.#attempts.get(attempt.id) === attempt) this.#attempts.delete(attempt.id);
    for (const [id, waiting] of this.#waiting) {
      if (this.#attempts.size >= this.#options.attemptsMax) return;
      this.#waiting.delete(id);
      this.#start(waiting.effect);
      for (const missed of waiting.missed) this.#deliver(missed);
    }
  }

  /** One timer for all attempts: looks at them a few times per shortest timeout. */
  #watch(timeoutMs: number): void {
    if (timeoutMs >= this.#shortestTimeoutMs && this.#stopSweeping !== undefined) return;
    this.#shortestTimeoutMs = Math.min(timeoutMs, this.#shortestTimeoutMs);
    this.#stopSweeping?.();
    const everyMs = Math.min(
      SWEEP_MS_MAX,
      Math.max(SWEEP_MS_MIN, this.#shortestTimeoutMs / SWEEPS_PER_TIMEOUT),
    );
    this.#stopSweeping = this.#options.clock.after(everyMs, () => this.#sweep());
  }

  #sweep(): void {
    this.#stopSweeping = undefined;
    this.#shortestTimeoutMs = Number.POSITIVE_INFINITY;
    const now = this.#options.clock.elapsed();
    let shortest = Number.POSITIVE_INFINITY;
    for (const attempt of this.#attempts.values()) {
      const action = attempt.checkTimeouts(now);
      if (action === "request-suspend") attempt.session?.requestSuspend();
      if (action === "abort") {
        this.#abort(attempt.id, attempt.attempt, "abort timeout");
        const message = `The handler neither made progress nor suspended within the abort timeout (${attempt.timeouts.abortTimeoutMs} ms)`;
        this.#lose(attempt.id, attempt.attempt, {
          code: "abort-timeout",
          message,
          counted: true,
          pause: false,
        });
      } else {
        shortest = Math.min(shortest, attempt.timeouts.inactivityTimeoutMs, attempt.timeouts.abortTimeoutMs);
      }
    }
    if (this.#attempts.size > 0) this.#watch(shortest);
  }

  close(): void {
    this.#closed = true;
    this.#stopSweeping?.();
    for (const attempt of this.#attempts.values()) {
      attempt.end();
      attempt.session?.abort("The engine is shutting down");
    }
    this.#attempts.clear();
  }
}
