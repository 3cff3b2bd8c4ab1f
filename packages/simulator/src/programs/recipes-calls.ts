/** Recipes for nodes that ask others: calls, sends, and questions about invocations. */
import type { Draft, Recipe, Surroundings } from "./draft.ts";
import { FRESH_KEY, OWN_KEY, THING_KEYS, type AfterSend, type Program, type Target } from "./program.ts";
import { caught, caughtIf } from "./recipes-leaves.ts";
import { POOL_KEYS, poolProgram, SHARED_BY_ID } from "./shared-programs.ts";

const HOUR_MS = 3_600_000;
const DELAY_HOURS_MAX = 72;

type Asked = "plain" | "go" | "pull" | "look" | "run" | "aside";

function call(asked: Asked): Recipe {
  return {
    family: "calls",
    nests: true,
    fits: (around) => mayWaitFor(asked, around),
    make: (draft, around) => {
      const { random } = draft;
      const program = awaitedProgram(draft, asked, around);
      const headers = random.chance(0.2);
      const askId = random.chance(0.2);
      return caughtIf(true, draft, { kind: "call", program, headers, askId, cancel: false });
    },
  };
}

/** The callee may end with the cancel or before it, so whoever calls is prepared for a failure. */
const cancelledCall: Recipe = {
  family: "calls",
  nests: true,
  make: (draft, around) =>
    caught({
      kind: "call",
      program: awaitedProgram(draft, "plain", around),
      headers: false,
      askId: true,
      cancel: true,
    }),
};

const idempotentCall: Recipe = {
  family: "calls",
  // The last key's lock is waited for by whoever names the object among these.
  fits: ({ firstLock }) => firstLock < THING_KEYS.length,
  make: ({ random }) => {
    const [idempotencyKey, program] = random.pick(Object.entries(SHARED_BY_ID));
    return caught({
      kind: "call",
      program,
      idempotencyKey,
      headers: random.chance(0.2),
      askId: random.chance(0.2),
      cancel: false,
    });
  },
};

/** Whoever is second to start it is refused. */
const poolCall: Recipe = {
  family: "calls",
  make: ({ random }) => {
    const program = poolProgram(random.pick(POOL_KEYS));
    return caught({ kind: "call", program, headers: false, askId: false, cancel: false });
  },
};

const callDeadlock: Recipe = {
  family: "calls",
  fits: ({ handler }) => handler === "exclusive",
  make: () => caught({ kind: "deadlock", by: "call" }),
};

const attachDeadlock: Recipe = {
  family: "calls",
  make: () => caught({ kind: "deadlock", by: "attach" }),
};

const attachUnknown: Recipe = {
  family: "calls",
  make: () => caught({ kind: "foreign", ask: "attach" }),
};
const outputUnknown: Recipe = {
  family: "calls",
  make: () => caught({ kind: "foreign", ask: "output" }),
};

/** Sent and left alone: its callee may take any lock. */
function send(asked: Asked, isDelayed: boolean, after: readonly AfterSend[]): Recipe {
  return {
    family: "sends",
    nests: true,
    fits: (around) => (asked === "aside" ? around.handler === "run" : true),
    make: (draft, around) => ({
      kind: "send",
      program: draft.program(targetOf(draft, asked, 0), 0, around.depth),
      delayMs: isDelayed ? delay(draft) : 0,
      headers: draft.random.chance(0.2),
      after,
    }),
  };
}

/** Sent, and waited for later. */
function awaitedSend(asked: Asked, isDelayed: boolean, after: readonly AfterSend[]): Recipe {
  return {
    family: "sends",
    nests: true,
    fits: (around) => mayWaitFor(asked, around),
    make: (draft, around) => {
      const program = awaitedProgram(draft, asked, around);
      const delayMs = isDelayed ? delay(draft) : 0;
      const headers = draft.random.chance(0.2);
      return caughtIf(true, draft, { kind: "send", program, delayMs, headers, after });
    },
  };
}

function sharedSend(after: readonly AfterSend[]): Recipe {
  return {
    family: "sends",
    fits: ({ firstLock }) => firstLock < THING_KEYS.length,
    make: (draft) => {
      const [id, program] = draft.random.pick(Object.entries(SHARED_BY_ID));
      const delayMs = draft.random.chance(0.2) ? delay(draft) : 0;
      return caught({ kind: "send", program, id, delayMs, headers: draft.random.chance(0.2), after });
    },
  };
}

const poolSend: Recipe = {
  family: "sends",
  make: ({ random }) => {
    const program = poolProgram(random.pick(POOL_KEYS));
    return { kind: "send", program, delayMs: 0, headers: false, after: ["output"] };
  },
};

function mayWaitFor(asked: Asked, { handler, firstLock }: Surroundings): boolean {
  if (asked === "go" || asked === "pull") return firstLock < THING_KEYS.length;
  return asked !== "aside" || handler === "run";
}

function awaitedProgram(draft: Draft, asked: Asked, { firstLock, depth }: Surroundings): Program {
  return draft.program(targetOf(draft, asked, firstLock), firstLock, depth);
}

function targetOf({ random }: Draft, asked: Asked, firstLock: number): Target {
  switch (asked) {
    case "plain":
      return { service: "plain" };
    case "go":
    case "pull":
      return { service: "thing", key: random.pick(THING_KEYS.slice(firstLock)), handler: asked };
    case "look":
      return { service: "thing", key: random.pick(THING_KEYS), handler: asked };
    case "run":
      return { service: "flow", key: FRESH_KEY, handler: asked };
    case "aside":
      return { service: "flow", key: OWN_KEY, handler: asked };
  }
}

function delay({ random }: Draft): number {
  return random.chance(0.6) ? random.between(1, 120_000) : HOUR_MS * random.between(1, DELAY_HOURS_MAX);
}

export const callRecipes: readonly Recipe[] = [
  call("plain"),
  call("go"),
  call("pull"),
  call("look"),
  call("run"),
  call("aside"),
  cancelledCall,
  idempotentCall,
  poolCall,
  callDeadlock,
  attachDeadlock,
  attachUnknown,
  outputUnknown,
  send("plain", false, []),
  send("go", false, []),
  send("pull", true, ["output"]),
  send("run", false, []),
  send("aside", false, []),
  send("go", false, ["cancel"]),
  send("go", true, ["reschedule", "cancel-by-id"]),
  send("plain", true, ["cancel", "output"]),
  awaitedSend("plain", false, ["attach"]),
  awaitedSend("go", true, ["attach"]),
  awaitedSend("run", true, ["reschedule", "attach-address"]),
  awaitedSend("look", false, ["output", "attach", "output"]),
  sharedSend(["attach-address"]),
  sharedSend(["output"]),
  poolSend,
];
