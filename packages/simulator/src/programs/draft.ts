/** A program in the making: what may still be drawn, and what fits where. */
import type { Random } from "../random.ts";
import { THING_KEYS, type Node, type Program, type Target } from "./program.ts";

export type ProgramOptions = {
  /** Nodes in all, those of callees included. Default 60. */
  readonly nodesMax?: number;
  /** How deep calls, branches and blocks may lie in one another. Default 4. */
  readonly depthMax?: number;
  /** Whether handlers may pause themselves: somebody must resume them then. Default true. */
  readonly pauses?: boolean;
  /** Whether replays may differ from what was recorded. Default false. */
  readonly unstable?: boolean;
  /** Longest time that a step takes, ms. Keep it below the time after which attempts are cut off. Default 4 minutes. */
  readonly stepMsMax?: number;
  /** Characters of the largest results. Default 100,000. */
  readonly resultSizeMax?: number;
};

/** Where a node is to stand: what it may use there. */
export type Surroundings = {
  readonly handler: "plain" | "exclusive" | "shared" | "run" | "aside";
  /** Index of the first key of `THING_KEYS` whose lock may be waited for: locks are taken in order. */
  readonly firstLock: number;
  /** Something else of the same invocation goes on at the same time. */
  readonly isParallel: boolean;
  readonly depth: number;
};

/** Recipes that are left out or preferred together. */
export const FAMILIES = [
  "steps",
  "sleeps",
  "calls",
  "sends",
  "awakeables",
  "signals",
  "promises",
  "state",
  "reads",
  "blocks",
  "failures",
] as const;
export type Family = (typeof FAMILIES)[number];

export type Recipe = {
  readonly family: Family;
  /** Where it may stand. Default: anywhere. */
  readonly fits?: (around: Surroundings, options: Required<ProgramOptions>) => boolean;
  /** Whether other nodes lie in it. */
  readonly nests?: boolean;
  readonly make: (draft: Draft, around: Surroundings) => Node;
};

export class Draft {
  readonly random: Random;
  readonly options: Required<ProgramOptions>;
  /** Nodes that may still be drawn. */
  #left: number;
  readonly #recipes: readonly Recipe[];
  readonly #weights: ReadonlyMap<Family, number>;

  constructor(random: Random, options: Required<ProgramOptions>, recipes: readonly Recipe[]) {
    this.random = random;
    this.options = options;
    this.#left = random.between(Math.ceil(options.nodesMax / 2), options.nodesMax);
    this.#weights = drawWeights(random);
    this.#recipes = recipes.filter(({ family }) => this.#weight(family) > 0);
  }

  /** At most `length` nodes that fit, one after another. None when no more may be drawn. */
  body(length: number, around: Surroundings): Node[] {
    const nodes: Node[] = [];
    while (nodes.length < length && this.#left > 0) nodes.push(this.node(around));
    return nodes;
  }

  node(around: Surroundings): Node {
    this.#left -= 1;
    const fitting = this.#recipes.filter((recipe) => this.#fits(recipe, around));
    const total = fitting.reduce((sum, { family }) => sum + this.#weight(family), 0);
    let drawn = total === 0 ? 0 : this.random.below(total);
    for (const { family, make } of fitting) {
      drawn -= this.#weight(family);
      if (drawn < 0) return make(this, around);
    }
    // Nothing that was chosen for this program may stand here.
    return { kind: "read", what: "log" };
  }

  /** Up to four nodes for an inner block or branch. */
  block(around: Surroundings, changes: Partial<Surroundings> = {}): Node[] {
    return this.body(this.random.between(1, 4), { ...around, ...changes, depth: around.depth + 1 });
  }

  /** The program of somebody who is asked. `firstLock`: the first lock that it may wait for. */
  program(target: Target, firstLock: number, depth: number): Program {
    return {
      target,
      body: this.body(this.random.between(1, 4), surroundingsIn(target, firstLock, depth + 1)),
    };
  }

  #fits({ fits, nests }: Recipe, around: Surroundings): boolean {
    if (nests === true && (around.depth >= this.options.depthMax || this.#left < 1)) return false;
    return fits === undefined || fits(around, this.options);
  }

  #weight(family: Family): number {
    return this.#weights.get(family) ?? 0;
  }
}

/** What a handler may use that is asked so. While it waits for others it holds its own lock. */
export function surroundingsIn(target: Target, firstLock: number, depth: number): Surroundings {
  const common = { isParallel: false, depth };
  switch (target.service) {
    case "plain":
      return { ...common, handler: "plain", firstLock };
    case "flow":
      return { ...common, handler: target.handler, firstLock };
    case "thing": {
      if (target.handler === "look") return { ...common, handler: "shared", firstLock };
      const lock = THING_KEYS.findIndex((key) => key === target.key);
      return { ...common, handler: "exclusive", firstLock: Math.max(firstLock, lock + 1) };
    }
  }
}

/** How many programs are made of one or two families alone, and how many of the families the others use. */
const NARROW = 0.1;
const USED = 0.9;
const WEIGHT_MAX = 4;

/** Swarm: what is left out of one program is drawn the more often in it for being there in another. */
function drawWeights(random: Random): ReadonlyMap<Family, number> {
  const isNarrow = random.chance(NARROW);
  const chosen = isNarrow ? [random.pick(FAMILIES), random.pick(FAMILIES)] : FAMILIES;
  const weights = new Map<Family, number>();
  for (const family of chosen)
    if (isNarrow || random.chance(USED)) weights.set(family, random.between(1, WEIGHT_MAX));
  return weights;
}
