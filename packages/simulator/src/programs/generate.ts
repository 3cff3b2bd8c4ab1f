/** Draws programs. Each ends once faults end: nobody waits in a circle, or without limit for somebody who may not come. */
import type { Random } from "../random.ts";
import { Draft, surroundingsIn, type ProgramOptions } from "./draft.ts";
import { FRESH_KEY, THING_KEYS, type Program, type Target } from "./program.ts";
import { blockRecipes } from "./recipes-blocks.ts";
import { callRecipes } from "./recipes-calls.ts";
import { leafRecipes } from "./recipes-leaves.ts";

const RECIPES = [...leafRecipes, ...callRecipes, ...blockRecipes];

const DEFAULTS: Required<ProgramOptions> = {
  nodesMax: 60,
  depthMax: 4,
  pauses: true,
  unstable: false,
  stepMsMax: 240_000,
  resultSizeMax: 100_000,
};

/** Part of the programs that end in a failure, which takes back the steps before it. */
const FAILING = 0.25;
/** Part of those whose first attempts end before they do anything. */
const FAILING_FIRST = 0.05;

/**
 * Draws a program. The same generator state and options give the same program. Its target may be a workflow with the key
 * `FRESH_KEY`: a client starts it under a key of its own.
 */
export function generateProgram(random: Random, options: ProgramOptions = {}): Program {
  const draft = new Draft(random, { ...DEFAULTS, ...options }, RECIPES);
  const target = drawTarget(random);
  const body = draft.body(draft.options.nodesMax, surroundingsIn(target, 0, 0));
  if (random.chance(FAILING_FIRST))
    body.unshift({ kind: "throw", error: "ordinary", times: random.between(1, 2), first: true });
  if (random.chance(FAILING)) body.push({ kind: "throw", error: "terminal", times: 1 });
  return { target, body };
}

/** Workflows most often: their main handlers can do nearly everything that the others can. */
function drawTarget(random: Random): Target {
  if (random.chance(0.5)) return { service: "flow", key: FRESH_KEY, handler: "run" };
  if (random.chance(0.4)) return { service: "plain" };
  return { service: "thing", key: random.pick(THING_KEYS), handler: random.pick(["go", "pull", "look"]) };
}
