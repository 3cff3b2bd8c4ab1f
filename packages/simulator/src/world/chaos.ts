/** Carries out the faults of a plan, and takes all of them back when the world is healed. */
import type { InjectedFault } from "@holdfast/server/parts";

import type { Random } from "../random.ts";
import type { Fault } from "./plan.ts";
import type { World } from "./world.ts";

/** Faults that the disk is told of beforehand: whether one strikes, and when, is seen only there. */
const PREPARED: ReadonlyArray<readonly [InjectedFault, Fault["kind"]]> = [
  ["stop", "engine-crash"],
  ["sync", "sync-fails"],
  ["open", "open-fails"],
  ["read", "read-fails"],
];

/** A fault that is on for a while. It has struck when what it does was done meanwhile. */
type LastingFault = {
  readonly kind: Fault["kind"];
  /** How often what it does was done so far. */
  readonly done: () => number;
  readonly doneBefore: number;
};

export class Chaos {
  readonly #world: World;
  readonly #random: Random;
  #isHealed = false;
  /** Without what is prepared, and what is still on. */
  readonly #struck = new Map<string, number>();
  readonly #lasting = new Set<LastingFault>();

  constructor(world: World, random: Random) {
    this.#world = world;
    this.#random = random;
  }

  /** Faults that struck, by kind: those that found something to strike, and did it. */
  get struck(): ReadonlyMap<string, number> {
    const struck = new Map(this.#struck);
    for (const [injected, kind] of PREPARED) add(struck, kind, this.#world.disk.injected.get(injected) ?? 0);
    for (const fault of this.#lasting) if (hasStruck(fault)) add(struck, fault.kind, 1);
    return struck;
  }

  strike(fault: Fault): void {
    if (this.#isHealed) return;
    if (this.#carryOut(fault)) add(this.#struck, fault.kind, 1);
  }

  /** Whether it struck at once. */
  #carryOut(fault: Fault): boolean {
    const world = this.#world;
    switch (fault.kind) {
      case "engine-crash":
        return this.#crash(fault);
      case "engine-freeze":
        return this.#freeze(world.engine?.lifetime, fault.ms);
      case "handlers-crash":
        return world.crashHandlers(fault.version, fault.downMs);
      case "handlers-freeze":
        return this.#freeze(world.handlers(fault.version)?.lifetime, fault.ms);
      case "net-reset":
        return world.network.reset(addressOf(fault.to)) > 0;
      case "net-stall":
        return world.network.stall(addressOf(fault.to), fault.ms, fault.direction) > 0;
      case "net-cut":
        return this.#cut(fault);
      case "net-slow":
        world.network.slowDown(fault.factor);
        return this.#last(fault, () => world.network.slowed);
      case "disk-full":
        world.disk.setCapacity(world.disk.usedBytes() + this.#random.below(2_000));
        return this.#last(fault, () => world.disk.injected.get("full") ?? 0);
      case "disk-slow":
        world.slowness = fault.factor;
        return this.#last(fault, () => world.slowed);
      case "sync-fails":
        world.disk.failSync(fault.after, fault.leaves);
        world.downMs = fault.downMs;
        return false;
      case "open-fails":
        world.disk.failOpen(fault.after);
        world.downMs = fault.downMs;
        return false;
      case "read-fails":
        world.disk.failRead(fault.after);
        world.downMs = fault.downMs;
        return false;
      case "commits-fail":
        world.commitsFail = true;
        return this.#last(fault, () => world.failedCommits);
      case "clock-jump":
        world.wall.jump(fault.ms);
        return true;
      case "rot":
        return world.rot(fault.where, fault.what);
    }
  }

  #crash(fault: Fault & { readonly kind: "engine-crash" }): boolean {
    const world = this.#world;
    world.crashHow = fault.how;
    world.downMs = fault.downMs;
    if (fault.afterOperations === 0) {
      if (world.engine === undefined) return false;
      world.crashEngine(fault.how, fault.downMs);
      return true;
    }
    // What happens inside of one write or one sync is seen only when the machine stops there; while it is down, inside of its
    // next start.
    world.disk.stopAfter(fault.afterOperations);
    return false;
  }

  /** It ends by itself. */
  #cut(fault: Fault & { readonly kind: "net-cut" }): false {
    const { network } = this.#world;
    this.#last(fault, () => network.divided);
    network.cut(addressOf(fault.to), fault.ms);
    return false;
  }

  #freeze(lifetime: World["clientsLifetime"] | undefined, ms: number): boolean {
    if (lifetime === undefined || !lifetime.isAlive || lifetime.isFrozen) return false;
    lifetime.freeze();
    this.#later(ms, () => lifetime.thaw());
    return true;
  }

  /** Whether it strikes shows until it ends; and what it does ends only with the last of its kind that is on. */
  #last({ kind, ms }: Fault & { readonly ms: number }, done: () => number): false {
    const lasting: LastingFault = { kind, done, doneBefore: done() };
    this.#lasting.add(lasting);
    this.#later(ms, () => {
      if (!this.#lasting.has(lasting)) return;
      this.#end(lasting);
      if ([...this.#lasting].every((other) => other.kind !== kind)) this.#undo(kind);
    });
    return false;
  }

  #end(fault: LastingFault): void {
    this.#lasting.delete(fault);
    if (hasStruck(fault)) add(this.#struck, fault.kind, 1);
  }

  #undo(kind: Fault["kind"]): void {
    const world = this.#world;
    if (kind === "disk-full") world.disk.setCapacity(Number.POSITIVE_INFINITY);
    if (kind === "disk-slow") world.slowness = 1;
    if (kind === "net-slow") world.network.slowDown(1);
    if (kind === "commits-fail") world.commitsFail = false;
  }

  #later(ms: number, undo: () => void): void {
    this.#world.scheduler.after(ms, undo);
  }

  heal(): void {
    this.#isHealed = true;
    const world = this.#world;
    for (const fault of this.#lasting) this.#end(fault);
    for (const kind of ["disk-full", "disk-slow", "commits-fail"] as const) this.#undo(kind);
    world.network.heal();
    world.disk.failSync(0);
    world.disk.failOpen(0);
    world.disk.failRead(0);
    world.disk.stopAfter(Number.POSITIVE_INFINITY);
    world.engine?.lifetime.thaw();
    for (const version of [1, 2] as const) world.handlers(version)?.lifetime.thaw();
  }
}

function hasStruck({ done, doneBefore }: LastingFault): boolean {
  return done() > doneBefore;
}

function add(counts: Map<string, number>, kind: string, count: number): void {
  if (count > 0) counts.set(kind, (counts.get(kind) ?? 0) + count);
}

export function addressOf(link: "handlers-1" | "handlers-2" | "ingress"): string {
  return link === "ingress" ? "engine:8080" : `${link}:9080`;
}
