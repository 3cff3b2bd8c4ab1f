/** Recipes for nodes that ask nobody else to run a program: steps, sleeps, waits, state, failures. */
import type { Draft, Family, Recipe, Surroundings } from "./draft.ts";
import { isBroken, PROMISE_NAMES, type Node, type RunNode, type Settler } from "./program.ts";

const SHORT_MS_MAX = 4_000;
const HOUR_MS = 3_600_000;
const DAYS_MAX = 5;
const STATE_KEYS = ["a", "b", "c"] as const;
const LARGE_STATE_SIZE = 5_000;
/** From how many failures on a step or handler is no longer interesting. */
const FAILURES_MAX = 3;

const UNDOS = ["done", "slow", "flaky", "refused"] as const;

const CAUGHT = 0.8;

/** Part of the steps that can be taken back. */
const UNDOABLE = 0.3;

function step(plan: RunNode["plan"]): Recipe {
  return {
    family: "steps",
    make: ({ random, options }) => ({
      kind: "run",
      plan,
      times: random.between(1, FAILURES_MAX),
      ms:
        plan === "large"
          ? random.between(1_000, options.resultSizeMax)
          : plan === "slow"
            ? random.between(1, options.stepMsMax)
            : random.between(100, SHORT_MS_MAX),
      ...(random.chance(UNDOABLE) ? { undo: random.pick(UNDOS) } : {}),
    }),
  };
}

function sleep(isLong: boolean): Recipe {
  return {
    family: "sleeps",
    make: ({ random }) => ({
      kind: "sleep",
      ms: isLong ? HOUR_MS * random.between(1, 24 * DAYS_MAX) : random.between(1, SHORT_MS_MAX * 3),
      named: random.chance(0.5),
    }),
  };
}

/** `timed`: with a time limit, which whoever may not be answered needs. */
function awakeable(by: Settler, isTimed: boolean): Recipe {
  return {
    family: "awakeables",
    make: (draft) => {
      const reject = draft.random.chance(0.5);
      return caughtIf(reject, draft, {
        kind: "awakeable",
        by,
        reject,
        timeoutMs: isTimed ? limit(draft) : 0,
      });
    },
  };
}

function signal(by: "self" | "sent" | "called" | "nobody", isTimed: boolean): Recipe {
  return {
    family: "signals",
    make: (draft) => ({
      kind: "signal",
      by,
      times: draft.random.between(1, 3),
      timeoutMs: isTimed ? limit(draft) : 0,
    }),
  };
}

/** Only the main handler settles its promises before it waits for them: another may find the workflow ended. */
function promiseWait(by: Settler, how: "await" | "get", isTimed: boolean): Recipe {
  return {
    family: "promises",
    fits: ({ handler }) => handler === "run" || (handler === "aside" && isTimed),
    make: (draft) => {
      const name = draft.random.pick(PROMISE_NAMES);
      const timeoutMs = isTimed ? limit(draft) : 0;
      return caughtIf(isBroken(name), draft, { kind: "promise-wait", name, by, how, timeoutMs });
    },
  };
}

function promiseTouch(touch: "peek" | "settle"): Recipe {
  return {
    family: "promises",
    fits: ({ handler }) => handler === "run" || handler === "aside",
    make: ({ random }) => ({ kind: "promise-touch", name: random.pick(PROMISE_NAMES), touch }),
  };
}

function limit({ random }: Draft): number {
  return random.chance(0.8) ? random.between(1_000, 60_000) : HOUR_MS * random.between(1, 48);
}

const READERS: ReadonlyArray<Surroundings["handler"]> = ["exclusive", "shared", "run", "aside"];

function isWriter({ handler }: Surroundings): boolean {
  return handler === "exclusive" || handler === "run";
}

function readState(op: "get" | "keys"): Recipe {
  return {
    family: "state",
    fits: ({ handler }) => READERS.includes(handler),
    make: ({ random }) => ({ kind: "state", op, key: random.pick(STATE_KEYS), size: 0 }),
  };
}

function writeState(op: "set" | "clear" | "clear-all"): Recipe {
  return {
    family: "state",
    // Clearing all clears the counter too, and that must not happen within an increment.
    fits: (around) => isWriter(around) && (op !== "clear-all" || !around.isParallel),
    make: ({ random }) => ({
      kind: "state",
      op,
      key: random.pick(STATE_KEYS),
      size: random.chance(0.8) ? random.between(0, 50) : LARGE_STATE_SIZE,
    }),
  };
}

const increment: Recipe = {
  family: "state",
  fits: (around) => isWriter(around) && !around.isParallel,
  make: () => ({ kind: "increment" }),
};

/** A throw that the next attempt does not repeat must end the attempt, and a branch's may be lost to a combinator. */
function accident(error: "ordinary" | "retryable" | "pause"): Recipe {
  return {
    family: "failures",
    fits: ({ isParallel }, { pauses }) => !isParallel && (error !== "pause" || pauses),
    make: ({ random }) => ({ kind: "throw", error, times: random.between(1, FAILURES_MAX) }),
  };
}

/** Terminal failures end what they stand in, so most stand in a block that catches them. */
const caughtThrow: Recipe = {
  family: "failures",
  make: () => caught({ kind: "throw", error: "terminal", times: 1 }),
};

/** A cancel reaches everything that goes on, so it stands where nothing else does. */
const cancelSelf: Recipe = {
  family: "failures",
  fits: ({ isParallel }) => !isParallel,
  make: () => caught({ kind: "cancel-self" }),
};

/** What fails is caught most often: programs that end early reach few pairs of verbs. */
export function caughtIf(mayFail: boolean, { random }: Draft, node: Node): Node {
  return mayFail && random.chance(CAUGHT) ? caught(node) : node;
}

export function caught(node: Node): Node {
  return { kind: "try", body: [node], rescue: [] };
}

const unstable: Recipe = {
  family: "failures",
  fits: ({ isParallel }, options) => !isParallel && options.unstable,
  make: () => ({ kind: "unstable" }),
};

function constant(family: Family, node: Node): Recipe {
  return { family, make: () => node };
}

export const leafRecipes: readonly Recipe[] = [
  step("value"),
  step("large"),
  step("flaky"),
  step("retried"),
  step("retry-after"),
  step("timeout"),
  step("slow"),
  // Steps that fail for good.
  ...(["exhausted", "terminal"] as const).map((plan): Recipe => ({
    family: "steps",
    make: (draft, around) => caught(step(plan).make(draft, around)),
  })),
  sleep(false),
  sleep(true),
  awakeable("self", false),
  awakeable("sent", false),
  awakeable("called", true),
  awakeable("outside", true),
  awakeable("nobody", true),
  signal("self", false),
  signal("sent", false),
  signal("called", false),
  signal("sent", true),
  signal("nobody", true),
  promiseWait("self", "await", false),
  promiseWait("sent", "await", false),
  promiseWait("called", "get", false),
  promiseWait("outside", "get", true),
  promiseWait("outside", "get", true),
  promiseWait("nobody", "get", true),
  promiseTouch("peek"),
  promiseTouch("settle"),
  readState("get"),
  readState("keys"),
  writeState("set"),
  writeState("clear"),
  writeState("clear-all"),
  // More than others: each is a proof of its own that a key has one writer.
  increment,
  increment,
  increment,
  constant("reads", { kind: "read", what: "date" }),
  constant("reads", { kind: "read", what: "random" }),
  constant("reads", { kind: "read", what: "uuid" }),
  constant("reads", { kind: "read", what: "log" }),
  constant("reads", { kind: "read", what: "about" }),
  accident("ordinary"),
  accident("retryable"),
  accident("pause"),
  caughtThrow,
  cancelSelf,
  unstable,
];
