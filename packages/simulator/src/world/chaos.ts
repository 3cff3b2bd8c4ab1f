/** Carries out the faults of a plan, and takes all of them back when the world is healed. */
import type { Random } from "../random.ts";
import type { Fault } from "./plan.ts";
import type { World } from "./world.ts";

export class Chaos {
  readonly #world: World;
  readonly #random: Random;
  #isHealed = false;
  /** Faults that found something to strike, by kind. */
  readonly struck = new Map<string, number>();

  constructor(world: World, random: Random) {
    this.#world = world;
    this.#random = random;
  }

  strike(fault: Fault): void {
    if (this.#isHealed) return;
    if (this.#carryOut(fault)) this.struck.set(fault.kind, (this.struck.get(fault.kind) ?? 0) + 1);
  }

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
      case "disk-full":
        world.disk.setCapacity(world.disk.usedBytes() + this.#random.below(2_000));
        this.#later(fault.ms, () => world.disk.setCapacity(Number.POSITIVE_INFINITY));
        return true;
      case "disk-slow":
        world.slowness = fault.factor;
        this.#later(fault.ms, () => {
          world.slowness = 1;
        });
        return true;
      case "sync-fails":
        world.disk.failSync(fault.after, fault.leaves);
        world.downMs = fault.downMs;
        return true;
      case "open-fails":
        world.disk.failOpen(fault.after);
        world.downMs = fault.downMs;
        return true;
      case "read-fails":
        world.disk.failRead(fault.after);
        world.downMs = fault.downMs;
        return true;
      case "commits-fail":
        world.commitsFail = true;
        this.#later(fault.ms, () => {
          world.commitsFail = false;
        });
        return true;
      case "clock-jump":
        world.wall.jump(fault.ms);
        return true;
      case "rot":
        return world.rot(fault.where, fault.mask);
    }
  }

  #crash(fault: Fault & { readonly kind: "engine-crash" }): boolean {
    const world = this.#world;
    if (world.engine === undefined) return false;
    world.crashHow = fault.how;
    world.downMs = fault.downMs;
    if (fault.afterOperations === 0) world.crashEngine(fault.how, fault.downMs);
    // What happens inside of one write or one sync is seen only when the machine stops there.
    else world.disk.stopAfter(fault.afterOperations);
    return true;
  }

  #freeze(lifetime: World["clientsLifetime"] | undefined, ms: number): boolean {
    if (lifetime === undefined || !lifetime.isAlive || lifetime.isFrozen) return false;
    lifetime.freeze();
    this.#later(ms, () => lifetime.thaw());
    return true;
  }

  #later(ms: number, undo: () => void): void {
    this.#world.scheduler.after(ms, undo);
  }

  heal(): void {
    this.#isHealed = true;
    const world = this.#world;
    world.disk.setCapacity(Number.POSITIVE_INFINITY);
    world.disk.failSync(0);
    world.disk.failOpen(0);
    world.disk.failRead(0);
    world.disk.stopAfter(Number.POSITIVE_INFINITY);
    world.slowness = 1;
    world.commitsFail = false;
    world.engine?.lifetime.thaw();
    for (const version of [1, 2] as const) world.handlers(version)?.lifetime.thaw();
  }
}

export function addressOf(link: "handlers-1" | "handlers-2" | "ingress"): string {
  return link === "ingress" ? "engine:8080" : `${link}:9080`;
}
