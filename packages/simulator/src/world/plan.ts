/**
 * What happens in a run, written down before it begins: what clients do and which faults strike, each at its time. Drawn from
 * the seed; a failing plan is shrunk by leaving things out, which shifts nothing else.
 */
import type { Program, Target } from "../programs/program.ts";
import type { ServicesVersion } from "../programs/services.ts";
import type { Random } from "../random.ts";
import { drawTuning, type Tuning } from "./tuning.ts";

/** What a client or operator does. `of` is the id of the submission it is about; without that one nothing happens. */
export type Operation = { readonly id: number; readonly at: number } & OperationBody;

export type OperationBody =
  | {
      readonly kind: "submit";
      readonly mode: "call" | "send";
      readonly program: Program;
      readonly idempotencyKey?: string;
      /** Of sends; 0: now. */
      readonly delayMs: number;
    }
  /** The same submission once more. */
  | { readonly kind: "again"; readonly of: number }
  | { readonly kind: "attach" | "output" | "status"; readonly of: number }
  | {
      readonly kind: "cancel" | "kill" | "pause" | "resume" | "restart" | "purge" | "reschedule";
      readonly of: number;
    }
  | { readonly kind: "patch-state"; readonly key: string }
  | { readonly kind: "register"; readonly version: ServicesVersion }
  | { readonly kind: "list" }
  /** A call whose answer says what it did to an object. `value`: what is added or set. */
  | {
      readonly kind: "cell";
      readonly cell: string;
      readonly does: "add" | "set" | "get";
      readonly value: number;
    }
  /** Settles an awakeable of an invocation that never was. `bytes`: of its id. */
  | { readonly kind: "stray"; readonly bytes: readonly number[] };

export type Fault = { readonly id: number; readonly at: number } & FaultBody;

export type FaultBody =
  /** The engine's process ends. `afterOperations`: within so many changes of the disk. */
  | {
      readonly kind: "engine-crash";
      readonly how: "kill" | "power";
      readonly afterOperations: number;
      readonly downMs: number;
    }
  | { readonly kind: "engine-freeze"; readonly ms: number }
  | { readonly kind: "handlers-crash"; readonly version: ServicesVersion; readonly downMs: number }
  | { readonly kind: "handlers-freeze"; readonly version: ServicesVersion; readonly ms: number }
  | { readonly kind: "net-reset"; readonly to: Link }
  | {
      readonly kind: "net-stall";
      readonly to: Link;
      readonly ms: number;
      readonly direction: "both" | "to-listener" | "from-listener";
    }
  /** The network is divided. */
  | { readonly kind: "net-cut"; readonly to: Link; readonly ms: number }
  | { readonly kind: "net-slow"; readonly ms: number; readonly factor: number }
  | { readonly kind: "disk-full"; readonly ms: number }
  | { readonly kind: "disk-slow"; readonly ms: number; readonly factor: number }
  /** The sync after so many more fails. */
  | {
      readonly kind: "sync-fails";
      readonly after: number;
      readonly leaves: "what was written" | "what was there";
      readonly downMs: number;
    }
  /** The open or read after so many more fails. */
  | { readonly kind: "open-fails" | "read-fails"; readonly after: number; readonly downMs: number }
  | { readonly kind: "commits-fail"; readonly ms: number }
  | { readonly kind: "clock-jump"; readonly ms: number }
  /**
   * The engine's process ends, and a part of the log is another when it starts again: some bytes; a sector that is as it was
   * before it was written, or that holds what was meant for another place.
   */
  | {
      readonly kind: "rot";
      readonly where: number;
      /** Bits that are flipped in bytes that follow one another, or what happened to a sector. */
      readonly what: readonly number[] | "stale" | "misplaced";
    };

export type Link = "handlers-1" | "handlers-2" | "ingress";

export type Plan = {
  readonly tuning: Tuning;
  readonly operations: readonly Operation[];
  readonly faults: readonly Fault[];
  /** When everything is healed, ms. */
  readonly healAt: number;
};

const FAULT_KINDS: ReadonlyArray<FaultBody["kind"]> = [
  "engine-crash",
  "engine-freeze",
  "handlers-crash",
  "handlers-freeze",
  "net-reset",
  "net-stall",
  "net-cut",
  "net-slow",
  "disk-full",
  "disk-slow",
  "sync-fails",
  "open-fails",
  "read-fails",
  "commits-fail",
  "clock-jump",
  "rot",
];

/** Of an invocation's id. */
const RAW_ID_BYTES = 24;

/** While what was submitted has its first attempts, ms. */
const SOON_MS = [100, 1_500] as const;
/** Somebody who cannot wait asks so often, and every so many ms at most: about as long as a sync takes. */
const POLLS = 25;
const POLL_MS_MAX = 20;
/** A handler that was cancelled takes its steps back within about so long, ms. */
const CLEANING_UP_MS = 5_000;
/** A fault that follows an operation strikes within so long, ms: while what was asked for is on its way. */
const AT_ONCE_MS = 25;

const CRASHES: ReadonlyArray<FaultBody["kind"]> = Array.from({ length: 6 }, () => "engine-crash");

export type ProgramSource = (random: Random) => Program;

/** Draws what happens in a run: first how much and of which kinds (swarm testing), then each thing. */
export function drawPlan(random: Random, drawProgram: ProgramSource): Plan {
  const span = random.pick([2_000, 20_000, 300_000, 7_200_000]);
  const operations = drawOperations(random.fork("operations"), span, drawProgram);
  const faults = drawFaults(random.fork("faults"), span, operations);
  return { tuning: drawTuning(random.fork("tuning")), operations, faults, healAt: span * 1.2 };
}

function drawOperations(random: Random, span: number, drawProgram: ProgramSource): Operation[] {
  const submissions = random.between(4, 24);
  const operations: Operation[] = [{ id: 0, at: 0, kind: "register", version: 1 }];
  const keys = Array.from({ length: 3 }, (_, index) => `idem-${index}`);
  const programs = new Map<string, Program>();
  const add = (at: number, body: OperationBody): number => {
    const id = operations.length;
    operations.push({ id, at, ...body });
    return id;
  };
  if (random.chance(0.4)) add(random.below(span), { kind: "register", version: 2 });
  for (let count = 0; count < submissions; count++) {
    const at = 10 + random.below(span);
    const drawn = drawProgram(random.fork(`program ${count}`));
    const key = !isWorkflow(drawn.target) && random.chance(0.3) ? random.pick(keys) : undefined;
    // A key belongs to one request; the same with another body is a conflict, which is drawn now and then.
    const known = key === undefined ? drawn : (programs.get(key) ?? drawn);
    const program = key !== undefined && random.chance(0.2) ? changed(known) : known;
    if (key !== undefined) programs.set(key, known);
    // Whoever calls learns the id only with the result, and then it is too late for most that can be done with it.
    const mode = random.chance(0.35) ? "call" : "send";
    const delayMs = mode === "send" && random.chance(0.3) ? random.pick([10, 1_000, 3_600_000]) : 0;
    const id = add(at, {
      kind: "submit",
      mode,
      program,
      delayMs,
      ...(key === undefined ? {} : { idempotencyKey: key }),
    });
    drawFollowUps(random, span, at, id, add);
  }
  drawCells(random, span, add);
  if (random.chance(0.2)) add(random.below(span), { kind: "stray", bytes: [...random.bytes(RAW_ID_BYTES)] });
  return operations.sort((a, b) => a.at - b.at || a.id - b.id);
}

/** Another request to the same handler. */
function changed({ body, ...rest }: Program): Program {
  return { ...rest, body: [...body, { kind: "read", what: "log" }] };
}

/** In half of the runs: calls to one or two objects, many of them at the same time. */
function drawCells(random: Random, span: number, add: (at: number, body: OperationBody) => number): void {
  if (random.chance(0.5)) return;
  const cells = random.pick([["c0"], ["c0", "c1"]]);
  const bursts = random.between(1, 6);
  for (let burst = 0; burst < bursts; burst++) {
    const at = random.below(span);
    const width = random.pick([1, 50, 5_000]);
    for (let count = random.between(1, 6); count > 0; count--) {
      const does = random.pick(["add", "add", "set", "get"] as const);
      add(at + random.below(width), {
        kind: "cell",
        cell: random.pick(cells),
        does,
        value: random.below(100),
      });
    }
  }
}

function isWorkflow(target: Target): boolean {
  return target.service === "flow" && target.handler === "run";
}

function drawFollowUps(
  random: Random,
  span: number,
  from: number,
  of: number,
  add: (at: number, body: OperationBody) => number,
): void {
  // Most of what happens to an invocation happens soon, while its handler is likely to be at work.
  const later = (): number => {
    const within = random.chance(0.5) ? random.pick(SOON_MS) : Math.floor((span - from) / 2);
    return from + 1 + random.below(Math.max(2, within));
  };
  if (random.chance(0.3)) add(later(), { kind: "again", of });
  if (random.chance(0.5)) add(later(), { kind: random.pick(["attach", "output", "status"] as const), of });
  if (random.chance(0.08)) drawPolls(random, later(), of, add);
  if (random.chance(0.35)) {
    const kind = random.pick([
      "cancel",
      "kill",
      "pause",
      "resume",
      "restart",
      "purge",
      "reschedule",
    ] as const);
    const at = later();
    add(at, { kind, of });
    // What cleans up is asked to stop again.
    if (kind === "cancel")
      for (let again = random.below(4); again > 0; again--)
        add(at + random.below(CLEANING_UP_MS), { kind, of });
    if (kind === "pause") {
      // While what the paused attempt has sent is still on its way.
      add(at + random.below(4), { kind: "resume", of });
      add(later(), { kind: "resume", of });
    }
  }
  if (random.chance(0.05)) add(later(), { kind: "patch-state", key: random.pick(["k0", "k1"]) });
  if (random.chance(0.1)) add(later(), { kind: "list" });
}

function drawPolls(
  random: Random,
  from: number,
  of: number,
  add: (at: number, body: OperationBody) => number,
): void {
  let at = from;
  for (let poll = 0; poll < POLLS; poll++) {
    at += 1 + random.below(POLL_MS_MAX);
    add(at, { kind: "output", of });
  }
}

function drawFaults(random: Random, span: number, operations: readonly Operation[]): Fault[] {
  // Which kinds strike in this run at all. Now and then none: what holds only under faults is no promise.
  const kinds = random.chance(0.1) ? [] : FAULT_KINDS.filter(() => random.chance(0.4));
  // What is durable shows only when the engine ends: often, and in half of the runs most often.
  if (kinds.length > 0 && random.chance(0.5)) kinds.push(...CRASHES);
  const count = kinds.length === 0 ? 0 : random.between(1, 30);
  const faults = Array.from({ length: count }, (_, id): Fault => ({
    id,
    at: random.chance(0.4) ? random.pick(operations).at + random.below(AT_ONCE_MS) : random.below(span),
    ...drawFault(random, random.pick(kinds), span),
  }));
  return faults.sort((a, b) => a.at - b.at || a.id - b.id);
}

function drawFault(random: Random, kind: FaultBody["kind"], span: number): FaultBody {
  const version = random.pick([1, 2] as const);
  const downMs = random.pick([1, 100, 5_000, 90_000]);
  const ms = random.pick([5, 500, 15_000, Math.floor(span / 5)]);
  const to = random.pick(["handlers-1", "handlers-2", "ingress"] as const);
  switch (kind) {
    case "engine-crash":
      return {
        kind,
        how: random.pick(["kill", "power"] as const),
        afterOperations: random.chance(0.5) ? 0 : random.between(1, 12),
        downMs,
      };
    case "engine-freeze":
      return { kind, ms };
    case "handlers-crash":
      return { kind, version, downMs };
    case "handlers-freeze":
      return { kind, version, ms };
    case "net-reset":
      return { kind, to };
    case "net-stall":
      return { kind, to, ms, direction: random.pick(["both", "to-listener", "from-listener"] as const) };
    case "net-cut":
      return { kind, to, ms };
    case "net-slow":
      return { kind, ms, factor: random.pick([10, 300]) };
    case "disk-full":
      return { kind, ms };
    case "disk-slow":
      return { kind, ms, factor: random.pick([10, 1_000]) };
    case "sync-fails":
      return {
        kind,
        after: random.between(1, 20),
        leaves: random.pick(["what was written", "what was there"] as const),
        downMs,
      };
    case "open-fails":
    case "read-fails":
      return { kind, after: random.between(1, 4), downMs };
    case "commits-fail":
      return { kind, ms };
    case "clock-jump":
      return { kind, ms: random.pick([-86_400_000, -3_600_000, -50, 50, 3_600_000, 30 * 86_400_000]) };
    case "rot": {
      const flips = Array.from({ length: random.pick([1, 1, 8]) }, () => 1 + random.below(255));
      const single = [1 << random.below(8)];
      return {
        kind,
        where: random.below(2 ** 31),
        what: random.pick([single, flips, "stale", "misplaced"] as const),
      };
    }
  }
}
