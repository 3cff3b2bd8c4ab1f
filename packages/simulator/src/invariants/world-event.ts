/**
 * What happens in a simulated world, as the invariants see it: one event at a time, in the order in which it happened.
 * The world emits them where it stands between the product and its surroundings (log, wire, handler, client), so that what is
 * judged is what the product did and not what it says of itself.
 */
import type { JournalEntry, LogRecord, Tables } from "@holdfast/engine";
import type { SdkMessage } from "@holdfast/protocol";

/** A batch as the log holds it. `hash` is of the payload's bytes. */
export type LoggedBatch = {
  readonly position: number;
  readonly records: readonly LogRecord[];
  readonly hash: string;
};

export type WorldEvent =
  /** A batch was handed to the log: decoded records in order. Not durable yet. */
  | {
      readonly kind: "appended";
      readonly life: number;
      readonly position: number;
      readonly epoch: number;
      readonly records: readonly LogRecord[];
      /** Of the payload's bytes. */
      readonly hash: string;
    }
  /** The log said ok. Comes before whatever the engine does because of it. */
  | { readonly kind: "durable"; readonly life: number; readonly position: number }
  /**
   * A new process life has recovered and has not acted yet: what the log holds after recovery, from its first batch that is
   * left on, and the checkpoint that the tables began with.
   */
  | {
      readonly kind: "recovered";
      readonly life: number;
      readonly epoch: number;
      readonly checkpointPosition: number;
      readonly batches: readonly LoggedBatch[];
      readonly tables: Tables;
    }
  /** The checkpoint store reflects this position, durably. */
  | { readonly kind: "checkpointed"; readonly life: number; readonly position: number }
  /** The log was told that it may let go of every batch up to this one, itself included. `head`: the first that it then has. */
  | { readonly kind: "trimmed"; readonly life: number; readonly upTo: number; readonly head: number }
  /** The engine process ended without cleaning up. "power": unsynced bytes may be lost. */
  | { readonly kind: "crashed"; readonly life: number; readonly how: "kill" | "power" }
  /** Engine to handler, at the moment it leaves the engine. `journal` is what follows the Start message: `knownEntries` of it. */
  | {
      readonly kind: "attempt-started";
      readonly life: number;
      readonly invocation: string;
      readonly attempt: number;
      /** "" when no deployment serves the handler. */
      readonly deployment: string;
      readonly knownEntries: number;
      readonly journal: readonly JournalEntry[];
    }
  /** A notification left the engine for the handler of a running attempt. */
  | {
      readonly kind: "delivered";
      readonly life: number;
      readonly invocation: string;
      readonly attempt: number;
      readonly entry: JournalEntry;
    }
  /** The engine told the handler that a step's result is recorded. */
  | {
      readonly kind: "run-acked";
      readonly life: number;
      readonly invocation: string;
      readonly attempt: number;
      readonly completionId: number;
    }
  /** Handler to engine, as the engine takes it from the wire (before any record). */
  | {
      readonly kind: "received";
      readonly life: number;
      readonly invocation: string;
      readonly attempt: number;
      readonly message: SdkMessage;
    }
  /** A step's closure began in the handler's process (ledger of the outside). `key` is the idempotencyKey that it was given. */
  | {
      readonly kind: "step-began";
      readonly invocation: string;
      readonly attempt: number;
      readonly name: string;
      readonly key: string;
    }
  /** It ended, and did what it does to the outside if `ok`. A process that dies in between leaves a beginning without an end. */
  | {
      readonly kind: "step-ended";
      readonly invocation: string;
      readonly attempt: number;
      readonly name: string;
      readonly key: string;
      readonly ok: boolean;
    }
  /**
   * A client's operation. `invocation`: the one it is about, where the client knows it. `detail`: for calls and sends whose
   * effect on an object can be checked, what `describeObjectOperation` makes of it, of an object that nothing else writes;
   * free text otherwise.
   *
   * Verbs that are judged: call (waits for the outcome), send (does not), attach and output (ask for the outcome of what was
   * submitted before, waiting for it or not), status (the body's text is the status), signal, cancel, kill. Others may occur.
   */
  | {
      readonly kind: "client-sent";
      readonly operation: number;
      readonly verb: string;
      readonly invocation: string | undefined;
      readonly idempotencyKey: string | undefined;
      readonly detail: string;
    }
  /**
   * What the client learned. ok: done, the body is the answer. refused: the engine did not do it. failed: the invocation's
   * outcome is a failure. unknown: the connection broke before an answer.
   */
  | {
      readonly kind: "client-told";
      readonly operation: number;
      readonly outcome: "ok" | "refused" | "failed" | "unknown";
      /** HTTP status; 0 when there was no answer. */
      readonly status: number;
      readonly invocation: string | undefined;
      readonly body: string;
    };

export type EventOf<Kind extends WorldEvent["kind"]> = Extract<WorldEvent, { readonly kind: Kind }>;
