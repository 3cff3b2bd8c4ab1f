/**
 * One run: a world of one seed, its plan carried out, everything healed, and then everything must come to rest. Safety is
 * watched all the time, liveness is what has to be true at the end.
 */
import type { Tables } from "@holdfast/engine";

import type { RestFacts } from "./invariants/monitor.ts";
import type { WorldEvent } from "./invariants/world-event.ts";
import { programServices } from "./programs/services.ts";
import { createRandom } from "./random.ts";
import { addressOf, Chaos } from "./world/chaos.ts";
import type { Plan } from "./world/plan.ts";
import type { WorldMarker } from "./world/world-markers.ts";
import { World } from "./world/world.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
/** Looks at the healed world, each so long after the one before: what is left is waits of hours and days. */
const LOOKS_MS: readonly number[] = [
  SECOND,
  10 * SECOND,
  MINUTE,
  10 * MINUTE,
  30 * MINUTE,
  2 * HOUR,
  ...Array.from({ length: 480 }, () => 6 * HOUR),
];
/** Within such a time everything is removed whose time is over. */
const RETENTION_LOOK_MS = 2 * HOUR;
/** Looks that are longer find every connection broken before: only what is not helped on by that counts as working. */
const UNBROKEN_LOOK_MS = 2 * HOUR;
/** Longer than an attempt may be silent: the longest of the timeouts for inactivity and abort that runs have, and some. */
const STUCK_MS = 20 * MINUTE;
/** What no run comes near: one that gets there goes round in circles. */
const EVENTS_MAX = 3_000_000;
/** Of a whole run: no seed may take for ever. One that needs more is judged by what was seen until then. */
const EVENTS_TOTAL_MAX = 5_000_000;
/** How often an operator resumes an invocation that paused itself before giving it up. */
const RESUMES_MAX = 4;

/** Hears of everything that happens in a world. What it throws ends the run as a failure. */
export interface Observer {
  observe(event: WorldEvent, at: number): void;
  /** Everything is healed and at rest. */
  atRest(facts: RestFacts): void;
}

export type RunOptions = {
  readonly seed: string;
  readonly plan: Plan;
  readonly observers: readonly Observer[];
  readonly onVerb: (invocation: string, attempt: number, verb: string) => void;
};

export type RunResult = {
  readonly failure: Error | undefined;
  readonly events: number;
  readonly virtualMs: number;
  /** Faults that struck, by kind. */
  readonly struck: ReadonlyMap<string, number>;
  /** What only the world saw. */
  readonly seen: ReadonlySet<WorldMarker>;
};

export async function run(options: RunOptions): Promise<RunResult> {
  const { seed, plan, observers } = options;
  const random = createRandom(seed);
  let healedAt = Number.POSITIVE_INFINITY;
  const world = new World({
    random: random.fork("world"),
    tuning: plan.tuning,
    services: programServices,
    observe: (event, at) => {
      requireNoCutOff(event, world.scheduler.now - healedAt);
      for (const observer of observers) observer.observe(event, at);
    },
    onVerb: options.onVerb,
  });
  const chaos = new Chaos(world, random.fork("chaos"));
  const rejected = (reason: unknown): void => world.fail(reason);
  process.on("unhandledRejection", rejected);
  try {
    world.start();
    for (const operation of plan.operations)
      world.scheduler.after(operation.at, () => world.clients.do(operation));
    for (const fault of plan.faults) world.scheduler.after(fault.at, () => chaos.strike(fault));
    await world.scheduler.run(plan.healAt, EVENTS_MAX);
    chaos.heal();
    healedAt = world.scheduler.now;
    await settle(world, observers, plan.tuning.limits.attemptsMax);
  } catch (error) {
    world.fail(error);
  } finally {
    process.off("unhandledRejection", rejected);
  }
  return {
    failure: world.failure,
    events: world.scheduler.events,
    virtualMs: world.scheduler.now,
    struck: chaos.struck,
    seen: world.seen,
  };
}

/** Lets time go on until nothing is left to do, and then holds the world against what must be true. */
async function settle(world: World, observers: readonly Observer[], attemptsMax: number): Promise<void> {
  const resumes = new Map<string, number>();
  for (const lookMs of LOOKS_MS) {
    if (lookMs > UNBROKEN_LOOK_MS) {
      requireNoStuckAttempt(world, attemptsMax);
      requireNoLostSession(world);
      // Connections that only carry pings would be most of what a simulated day costs.
      for (const link of ["handlers-1", "handlers-2"] as const) world.network.reset(addressOf(link));
    }
    const end = await world.scheduler.run(world.scheduler.now + lookMs, EVENTS_MAX);
    if (world.failure !== undefined) return;
    // Retries behind a lock that is held for weeks: whether it comes to rest is then left open.
    if (world.scheduler.events > EVENTS_TOTAL_MAX) return;
    if (end === "events") throw new Error(`INV-1: ${EVENTS_MAX} events went by within ${lookMs} ms`);
    const tables = world.engine?.engine?.tables;
    if (tables === undefined) continue;
    const unfinished = unfinishedIn(tables);
    for (const id of unfinished.paused) {
      const count = (resumes.get(id) ?? 0) + 1;
      resumes.set(id, count);
      world.clients.act(id, count > RESUMES_MAX ? "kill" : "resume");
    }
    if (unfinished.count === 0 && world.clients.pending === 0 && world.engine?.isQuiet === true) {
      // Retention looks now and then, by a clock that does not jump with the engine's.
      await world.scheduler.run(world.scheduler.now + RETENTION_LOOK_MS, EVENTS_MAX);
      if (world.failure !== undefined) return;
      requireNoLostSession(world);
      const facts = {
        tables,
        now: world.wall.now(),
        timerSlackMs: MINUTE,
        retentionSlackMs: RETENTION_LOOK_MS,
      };
      for (const observer of observers) observer.atRest(facts);
      return;
    }
  }
  const tables = world.engine?.engine?.tables;
  const left = tables === undefined ? "no engine" : describeUnfinished(tables);
  throw new Error(`INV-1: months after everything was healed there is ${left}`);
}

/**
 * Before anything is done that would help it on: in a healed world an attempt gets somewhere, suspends or is given up within its
 * timeouts.
 */
function requireNoStuckAttempt(world: World, attemptsMax: number): void {
  const now = world.engine?.engine?.now() ?? 0;
  const rows = [...(world.engine?.engine?.tables.invocations.all() ?? [])];
  // Those that wait for a place wait for as long as several others may take.
  const running = rows.filter(([, { status }]) => status === "running").length;
  const stuckMs = STUCK_MS * Math.max(1, Math.ceil(running / attemptsMax));
  for (const [id, row] of rows) {
    const silentMs = now - Math.max(row.modifiedAt, row.lastEntryAt);
    if (row.status === "running" && silentMs > stuckMs)
      throw new Error(`INV-9: attempt ${row.attempt} of ${id} has done nothing for ${silentMs} ms`);
  }
}

/** No handler here is silent for as long as the abort timeout, so in a healed world none is cut off for that. */
function requireNoCutOff(event: WorldEvent, healedMs: number): void {
  if (event.kind !== "appended" || healedMs < STUCK_MS) return;
  for (const { body } of event.records) {
    if (body.kind === "attempt-lost" && body.code === "abort-timeout")
      throw new Error(`INV-9: attempt ${body.attempt} of ${body.id} came to a standstill: ${body.message}`);
  }
}

/** Handlers have no attempt in memory that the engine knows nothing of: what was killed must not go on there. */
function requireNoLostSession(world: World): void {
  const engine = world.engine?.engine;
  if (engine?.isQuiet !== true) return;
  const { runningAttempts } = engine.health();
  const open = (world.handlers(1)?.sessionCount ?? 0) + (world.handlers(2)?.sessionCount ?? 0);
  if (open > runningAttempts)
    throw new Error(`SDK-3: ${runningAttempts} attempts are under way, and handlers are still at ${open}`);
}

function unfinishedIn(tables: Tables): { readonly count: number; readonly paused: readonly string[] } {
  let count = 0;
  const paused: string[] = [];
  for (const [id, row] of tables.invocations.all()) {
    if (row.status !== "completed") count += 1;
    if (row.status === "paused") paused.push(id);
  }
  return { count, paused };
}

function describeUnfinished(tables: Tables): string {
  const unfinished: string[] = [];
  for (const [id, row] of tables.invocations.all())
    if (row.status !== "completed") unfinished.push(`${id} ${row.status}: ${row.lastFailure?.message ?? ""}`);
  return `${unfinished.length} unfinished: ${unfinished.slice(0, 5).join("; ")}`;
}
