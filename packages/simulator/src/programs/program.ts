/**
 * Handler programs: what a simulated handler does, as plain data. A program is the input of an invocation, and the
 * program of a callee lies inside the call. So the handlers are the same few interpreters in every run, and what they do is
 * drawn, stored, shrunk and printed like any other data.
 *
 * A node's *place* is its path in the program, "0.2.1". Names of steps and signals, texts of errors and most results are
 * made of it, so that the outcome tells which nodes ran.
 */

/** One invocation: who is asked, and what it is to do. Its result is the list of its nodes' results. */
export type Program = {
  readonly target: Target;
  readonly body: readonly Node[];
  /** Ids that are known only at run time, given by the caller's interpreter to a program that needs one. */
  readonly given?: Given;
};

export type Given = {
  /** Awakeable that `settle-awakeable` settles. */
  readonly awakeable?: string;
  /** Invocation and name that `send-signal` sends to. */
  readonly signal?: { readonly invocation: string; readonly name: string };
};

/** The handlers of `services.ts`. `pull` is `go` with state fetched on demand; `look` and `aside` are shared handlers. */
export type Target =
  | { readonly service: "plain" }
  | { readonly service: "thing"; readonly key: string; readonly handler: "go" | "pull" | "look" }
  | { readonly service: "flow"; readonly key: string; readonly handler: "run" | "aside" };

/** Key of a workflow that nobody else uses: the caller makes one, from its own id and the place of the call. */
export const FRESH_KEY = "fresh";
/** Key of the workflow that the calling handler belongs to. */
export const OWN_KEY = "own";

export type Node =
  | RunNode
  | SleepNode
  | CallNode
  | SendNode
  | ForeignNode
  | DeadlockNode
  | CancelSelfNode
  | AwakeableNode
  | SettleAwakeableNode
  | SignalNode
  | SendSignalNode
  | PromiseWaitNode
  | PromiseTouchNode
  | StateNode
  | IncrementNode
  | ReadNode
  | BranchesNode
  | OverlapNode
  | LoopNode
  | TryNode
  | ThrowNode
  | UnstableNode;

/**
 * A step. Its result is its place; of a large one, the number of characters.
 *
 * - `flaky` fails `times` times, each of which ends the attempt; `retried` likewise, tried again within the attempt.
 * - `retry-after` asks for a wait of its own after each failure.
 * - `exhausted` fails always and may be executed `times` times.
 * - `timeout` takes too long `times` times; `slow` takes `ms` and succeeds.
 */
export type RunNode = {
  readonly kind: "run";
  readonly plan:
    | "value"
    | "large"
    | "flaky"
    | "retried"
    | "retry-after"
    | "exhausted"
    | "terminal"
    | "timeout"
    | "slow";
  readonly times: number;
  /** Milliseconds that an execution takes. Of a large one: characters of its result. */
  readonly ms: number;
  /** How it is taken back when the invocation fails: at once, after a while, after failures, or not at all. */
  readonly undo?: "done" | "slow" | "flaky" | "refused";
};

export type SleepNode = { readonly kind: "sleep"; readonly ms: number; readonly named: boolean };

/** A call whose outcome is awaited. With `cancel`, the callee is cancelled as soon as its id is known. */
export type CallNode = {
  readonly kind: "call";
  readonly program: Program;
  /** Shared by programs that say the same: `program` must be the shared program of this id. */
  readonly idempotencyKey?: string;
  readonly headers: boolean;
  readonly askId: boolean;
  readonly cancel: boolean;
};

/** What is done with an invocation that was sent, in this order. */
export type AfterSend = "attach" | "attach-address" | "output" | "cancel" | "cancel-by-id" | "reschedule";

export type SendNode = {
  readonly kind: "send";
  readonly program: Program;
  /** 0: now. */
  readonly delayMs: number;
  /** Idempotency key, as for a call. */
  readonly id?: string;
  readonly headers: boolean;
  readonly after: readonly AfterSend[];
};

/** Asks about an invocation that does not exist. Attaching fails, and so does looking at its outcome. */
export type ForeignNode = { readonly kind: "foreign"; readonly ask: "attach" | "output" };

/** Waits for itself. The engine fails the call or attach at once. */
export type DeadlockNode = { readonly kind: "deadlock"; readonly by: "call" | "attach" };

/** Cancels its own invocation, and waits: the wait throws. */
export type CancelSelfNode = { readonly kind: "cancel-self" };

/** Who settles what a handler waits for. `nobody` and `outside` need a time limit: outside clients crash. */
export type Settler = "self" | "sent" | "called" | "outside" | "nobody";

export type AwakeableNode = {
  readonly kind: "awakeable";
  readonly by: Settler;
  readonly reject: boolean;
  /** 0: none. An awakeable is raced against a sleep of this length. */
  readonly timeoutMs: number;
};

/** Settles the awakeable that the program was given. */
export type SettleAwakeableNode = { readonly kind: "settle-awakeable"; readonly reject: boolean };

/** Waits `times` times for the signal of this place, which is sent as often. */
export type SignalNode = {
  readonly kind: "signal";
  readonly by: "self" | "sent" | "called" | "nobody";
  readonly times: number;
  /** 0: none. */
  readonly timeoutMs: number;
};

/** Sends the signal that the program was given. */
export type SendSignalNode = { readonly kind: "send-signal"; readonly times: number };

/**
 * Promises of workflows. Whether one is ever resolved or ever rejected follows from its name, whoever settles it, so what
 * a wait without time limit gives is known. Workflows wait for the promises of their own key.
 */
export type PromiseWaitNode = {
  readonly kind: "promise-wait";
  readonly name: string;
  readonly by: Settler;
  /** Awaited as it is, or with `get`. */
  readonly how: "await" | "get";
  /** 0: none. Needs `get`. */
  readonly timeoutMs: number;
};

export type PromiseTouchNode = {
  readonly kind: "promise-touch";
  readonly name: string;
  readonly touch: "peek" | "settle";
};

export type StateNode = {
  readonly kind: "state";
  readonly op: "get" | "set" | "clear" | "clear-all" | "keys";
  /** Key of the state, where the operation has one. Never that of the counter. */
  readonly key: string;
  /** Characters of what is set. */
  readonly size: number;
};

/**
 * Adds 1 to the counter of the key. Between its read and its write nothing else of the same invocation may touch the
 * counter, so it never stands in a branch.
 */
export type IncrementNode = { readonly kind: "increment" };

export type ReadNode = { readonly kind: "read"; readonly what: "date" | "random" | "uuid" | "log" | "about" };

/** Native combinators. Branches that lose go on beside what follows, until the handler ends. */
export type BranchesNode = {
  readonly kind: "branches";
  readonly join: "all" | "race" | "any" | "all-settled";
  readonly branches: ReadonlyArray<readonly Node[]>;
};

/** Begins `first`, does `meanwhile`, and only then awaits `first`. */
export type OverlapNode = {
  readonly kind: "overlap";
  readonly first: Node;
  readonly meanwhile: readonly Node[];
};

export type LoopNode = { readonly kind: "loop"; readonly times: number; readonly body: readonly Node[] };

/** `rescue` runs after a terminal failure of `body`, in its place; `always` after both, however they ended. */
export type TryNode = {
  readonly kind: "try";
  readonly body: readonly Node[];
  readonly rescue?: readonly Node[];
  readonly always?: readonly Node[];
};

/**
 * Throws in the handler: `terminal` each time, everything else `times` times, after which the node passes. The latter throw
 * behind a step of their own, when nothing else of the handler can issue a command: one attempt throws there and the next
 * goes on, so whatever is issued beside it would stand at another place in the next attempt's journal. With `first`, the
 * node stands at the beginning of a handler, and needs no such step.
 */
export type ThrowNode = {
  readonly kind: "throw";
  readonly error: "ordinary" | "retryable" | "pause" | "terminal";
  readonly times: number;
  readonly first?: true;
};

/** A step whose name depends on the attempt: the replay finds another journal than it would write. */
export type UnstableNode = { readonly kind: "unstable" };

/** State key of the counter. */
export const COUNTER = "count";

/** Promises of the workflow. */
export const PROMISE_NAMES = ["kept-0", "kept-1", "kept-2", "broken-0", "broken-1", "broken-2"] as const;

/** Whether the promise of this name is always rejected; otherwise it is always resolved, with its name. */
export function isBroken(promiseName: string): boolean {
  return promiseName.startsWith("broken");
}

/** Keys of the object, in the order in which locks are taken: who holds one waits only for later ones. */
export const THING_KEYS = ["k0", "k1", "k2", "k3"] as const;
