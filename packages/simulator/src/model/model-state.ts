/**
 * What the model knows of a partition. It is deliberately naive: plain maps and lists, and whatever can be worked out from
 * other facts is worked out each time it is asked for (what is open, who waits, what has arrived: see `journal.ts`).
 */
import {
  defaultFoldSettings,
  type AwaitingSet,
  type FoldSettings,
  type InvocationSource,
  type InvocationStatus,
  type Target,
} from "@holdfast/engine";
import type {
  EndpointManifest,
  HandlerOptions,
  JournalMessage,
  Result,
  RunAttemptFailedMessage,
} from "@holdfast/protocol";

export type ModelEntry = {
  readonly message: JournalMessage;
  /** Bytes that it counts for against `journalBytesMax`. */
  readonly bytes: number;
  readonly attempt: number;
  /** Deployment that issued the command; "" for the input and for notifications. */
  readonly deployment: string;
  readonly cause: string;
};

export type ModelInvocation = {
  readonly id: string;
  readonly target: Target;
  readonly source: InvocationSource;
  readonly idempotencyKey: string | undefined;
  readonly inputHash: number;
  readonly seedId: string;
  status: InvocationStatus;
  attempt: number;
  deployment: string | undefined;
  /** Of Restate's protocol; 0 on a deployment that speaks another. */
  restateVersion: number;
  journal: ModelEntry[];
  /** Entries that the newest attempt began with. */
  knownEntries: number;
  /** Failed attempts that count, since the last progress; and those in a row that were lost and do not. */
  retryCount: number;
  lostAttempts: number;
  /** Failed attempts that count, since the newest command or suspension. */
  failuresSinceCommand: number;
  /** Code of the newest failure; gone with the next progress. A crash stays through losses on the way to the handler. */
  lastFailure: string | undefined;
  awaiting: AwaitingSet | undefined;
  /** Whose outcome each open call or attach waits for, by completion id. */
  readonly targets: Map<number, string>;
  /** The newest report of each step's failed executions. */
  readonly stepFailures: Map<number, RunAttemptFailedMessage>;
  readonly waiters: Array<{ readonly id: string; readonly completionId: number }>;
  result: Result | undefined;
  /** Until when the journal, and the outcome, are kept. */
  journalUntil: number;
  keptUntil: number;
};

export type ModelPromise = {
  result: Result | undefined;
  readonly waiters: Array<{ readonly id: string; readonly completionId: number }>;
};

export type ModelObject = {
  holder: string | undefined;
  /** Who waits for the lock, first come first. */
  queue: string[];
  state: Map<string, Uint8Array>;
  version: number;
  /** The run of a workflow. */
  runId: string | undefined;
  readonly promises: Map<string, ModelPromise>;
};

/** `due` is a window: how a retry is spread within the third that is added to its wait is the product's own business. */
export type ModelTimer = {
  readonly kind: "sleep" | "start" | "retry";
  readonly id: string;
  readonly completionId: number;
  readonly due: Window;
};

/** From and to, both included. */
export type Window = readonly [from: number, to: number];

export type ModelDeployment = {
  readonly id: string;
  readonly url: string;
  readonly manifest: EndpointManifest;
  readonly headers: Readonly<Record<string, string>>;
  readonly metadata: Readonly<Record<string, string>>;
  readonly revisions: Readonly<Record<string, number>>;
  /** What operators set, by service. */
  readonly overrides: ReadonlyMap<string, HandlerOptions>;
};

/** Something that the outside is told of an invocation. */
export type ModelEffect = { readonly id: string; readonly told: string };

/** The record is refused as a whole; nothing has changed. */
export class Refused extends Error {
  override readonly name = "Refused";
  readonly code: string;

  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

/** What an attempt sent cannot be accepted. `pause`: trying again would end the same way. */
export class Unacceptable extends Error {
  override readonly name = "Unacceptable";
  readonly code: string;
  readonly pause: boolean;

  constructor(code: string, pause: boolean) {
    super(code);
    this.code = code;
    this.pause = pause;
  }
}

export function violation(): Unacceptable {
  return new Unacceptable("protocol-violation", true);
}

export class ModelState {
  /** The partition's clock: the largest time of any record. */
  now = 0;
  epoch = 0;
  settings: FoldSettings = defaultFoldSettings;
  readonly invocations = new Map<string, ModelInvocation>();
  readonly objects = new Map<string, ModelObject>();
  readonly deployments = new Map<string, ModelDeployment>();
  /** By the number that their keys end with: timers are numbered as they are set, from 1. */
  readonly timers = new Map<number, ModelTimer>();
  timersSet = 0;
  /** What the record at hand told the outside. */
  effects: ModelEffect[] = [];

  invocation(id: string): ModelInvocation {
    const invocation = this.invocations.get(id);
    if (invocation === undefined) throw new Refused("invocation-not-found");
    return invocation;
  }

  /** One that has no outcome yet. */
  live(id: string): ModelInvocation {
    const invocation = this.invocation(id);
    if (invocation.status === "completed") throw new Refused("invocation-completed");
    return invocation;
  }

  object({ service, key }: { readonly service: string; readonly key: string }): ModelObject {
    const name = `${service}/${key}`;
    let object = this.objects.get(name);
    if (object === undefined) {
      object = {
        holder: undefined,
        queue: [],
        state: new Map(),
        version: 0,
        runId: undefined,
        promises: new Map(),
      };
      this.objects.set(name, object);
    }
    return object;
  }

  setTimer(timer: ModelTimer): void {
    this.timersSet += 1;
    this.timers.set(this.timersSet, timer);
  }

  clearTimers(isMeant: (timer: ModelTimer) => boolean): void {
    for (const [number, timer] of this.timers) if (isMeant(timer)) this.timers.delete(number);
  }

  tell(id: string, told: string): void {
    this.effects.push({ id, told });
  }
}

/** A due time, cut off at the last one that can be written down. */
export function latest(at: number): number {
  return Math.max(0, Math.min(at, Number.MAX_SAFE_INTEGER));
}
