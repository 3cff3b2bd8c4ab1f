/** What the interpreters need of the world they run in, and tell it. */
import type { Verb } from "./verbs.ts";

/**
 * The world outside of the handlers: it survives their crashes, as other people's services do. Every call may come from an
 * attempt that the engine has given up.
 */
export interface ProgramHost {
  /** A verb was issued, on a replay again. */
  verb(invocation: string, attempt: number, verb: Verb): void;
  /** A step's function began. `key` is the idempotency key that the SDK gave it. */
  stepBegan(invocation: string, attempt: number, name: string, key: string): void;
  stepEnded(invocation: string, attempt: number, name: string, key: string, ok: boolean): void;
  /** Takes time in a step, ms of the world's clock. Settles early, either way, when `signal` aborts. */
  sleepInStep(ms: number, signal: AbortSignal): Promise<void>;
  /** Counts a failure of this place and returns true, until it was counted `times` times. */
  fails(invocation: string, place: string, times: number): boolean;
  /** A handler saw what cannot be: it read other state than it had written itself. */
  violated(invocation: string, problem: string): void;
  /**
   * Asks an outside client to settle something. Called from within a step, so possibly several times for the same: settling
   * twice is harmless. Whoever waits has a time limit, so nothing may come of it.
   */
  handOver(what: HandedOver): void;
}

export type HandedOver =
  | { readonly kind: "awakeable"; readonly id: string; readonly reject: boolean }
  | { readonly kind: "promise"; readonly key: string; readonly name: string; readonly reject: boolean };
