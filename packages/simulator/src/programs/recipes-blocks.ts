/** Recipes for nodes that hold others: branches, loops and blocks. */
import type { Draft, Recipe, Surroundings } from "./draft.ts";
import type { BranchesNode, Node } from "./program.ts";
import { caughtIf } from "./recipes-leaves.ts";

const BRANCHES_MAX = 4;

function branches(join: BranchesNode["join"]): Recipe {
  return {
    family: "blocks",
    nests: true,
    make: (draft, around) =>
      caughtIf(true, draft, { kind: "branches", join, branches: drawBranches(draft, around) }),
  };
}

function drawBranches(draft: Draft, around: Surroundings): Node[][] {
  const count = draft.random.between(2, BRANCHES_MAX);
  const drawn = Array.from({ length: count }, () => draft.block(around, { isParallel: true }));
  return drawn.filter((body, index) => index === 0 || body.length > 0);
}

export const blockRecipes: readonly Recipe[] = [
  branches("all"),
  branches("race"),
  branches("any"),
  branches("all-settled"),
  {
    family: "blocks",
    nests: true,
    make: (draft, around) => ({
      kind: "overlap",
      first: draft.node({ ...around, isParallel: true, depth: around.depth + 1 }),
      meanwhile: draft.block(around, { isParallel: true }),
    }),
  },
  {
    family: "blocks",
    nests: true,
    make: (draft, around) => ({
      kind: "loop",
      times: draft.random.between(2, 3),
      body: draft.block(around, { depth: around.depth + 1 }),
    }),
  },
  {
    family: "blocks",
    nests: true,
    make: (draft, around) => ({
      kind: "try",
      body: [...draft.block(around), ...failing(draft)],
      rescue: draft.block(around),
    }),
  },
  {
    family: "blocks",
    nests: true,
    make: (draft, around) => ({
      kind: "try",
      body: [...draft.block(around), ...failing(draft)],
      ...(draft.random.chance(0.85) ? { rescue: draft.block(around) } : {}),
      always: draft.block(around),
    }),
  },
];

/** Half of the blocks end in a failure, so that what catches it has something to do. */
function failing({ random }: Draft): Node[] {
  return random.chance(0.5) ? [{ kind: "throw", error: "terminal", times: 1 }] : [];
}
