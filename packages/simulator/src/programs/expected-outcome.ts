import { fault, refusal, stepName } from "./interpret-steps.ts";
import { AWAKENED, REJECTED } from "./interpret-waits.ts";
/**
 * What a program must end with, worked out from the program alone: without journal, engine or SDK. What depends on time, on
 * others or on chance is left open, so the answer is a pattern; where even the end is open, it names both.
 */
import { NONE, SLEPT, thrown, within } from "./interpret.ts";
import {
  isBroken,
  type BranchesNode,
  type Node,
  type Program,
  type RunNode,
  type TryNode,
} from "./program.ts";

/** In a pattern: any value. */
export const ANY: unique symbol = Symbol("any");

/**
 * How a node or program can end: with a value of this pattern, with a failure of this message, or with either. A field that
 * is absent says that it cannot.
 */
export type Ending = { readonly value?: unknown; readonly failure?: string | typeof ANY };

/** How an invocation ended. */
export type Outcome = { readonly value: unknown } | { readonly failure: string };

const EITHER: Ending = { value: ANY, failure: ANY };

/**
 * The endings a program may have, given that nobody outside cancels or kills it. `undefined` when anything would do.
 */
export function expectedOutcome(program: Program): Ending | undefined {
  const ending = endingOf(program.body, "");
  return ending.value === ANY && ending.failure === ANY ? undefined : ending;
}

/** Whether an outcome is one of those that were expected. */
export function isExpected(ending: Ending, outcome: Outcome): boolean {
  if ("failure" in outcome) return "failure" in ending && matches(ending.failure, outcome.failure);
  return "value" in ending && matches(ending.value, outcome.value);
}

function matches(pattern: unknown, value: unknown): boolean {
  if (pattern === ANY || pattern === value) return true;
  if (!Array.isArray(pattern) || !Array.isArray(value) || pattern.length !== value.length) return false;
  return pattern.every((part, index) => matches(part, value[index]));
}

function endingOf(body: readonly Node[], place: string): Ending {
  return inSequence(body.map((node, index) => endingOfNode(node, within(place, index))));
}

/** One after another: all values, or the first failure. */
function inSequence(endings: readonly Ending[]): Ending {
  const values: unknown[] = [];
  let failure: Ending["failure"];
  for (const ending of endings) {
    failure = eitherFailure(failure, ending.failure);
    if (!("value" in ending)) return failed(failure);
    values.push(ending.value);
  }
  return failure === undefined ? { value: values } : { value: values, failure };
}

function eitherFailure(one: Ending["failure"], other: Ending["failure"]): Ending["failure"] {
  if (one === undefined || other === undefined) return one ?? other;
  return one === other ? one : ANY;
}

function failed(failure: Ending["failure"]): Ending {
  return { failure: failure ?? ANY };
}

function endingOfNode(node: Node, place: string): Ending {
  switch (node.kind) {
    case "run":
      return endingOfRun(node, place);
    case "sleep":
      return { value: SLEPT };
    case "call":
      // Others may share its callee, or have started its workflow.
      if (node.cancel || node.idempotencyKey !== undefined || isPool(node.program)) return EITHER;
      return endingOf(node.program.body, "");
    case "send":
      return endingOfSend(node);
    case "foreign":
    case "deadlock":
      return { failure: ANY };
    case "cancel-self":
      return { failure: "Cancelled" };
    case "awakeable":
      if (node.timeoutMs > 0) return node.reject ? EITHER : { value: ANY };
      return node.reject ? { failure: REJECTED } : { value: AWAKENED };
    case "signal":
      return { value: node.timeoutMs > 0 ? ANY : Array.from({ length: node.times }, (_, round) => round) };
    case "promise-wait":
      if (node.timeoutMs > 0) return isBroken(node.name) ? EITHER : { value: ANY };
      return isBroken(node.name) ? { failure: REJECTED } : { value: node.name };
    case "branches":
      return endingOfBranches(node, place);
    case "overlap": {
      const first = endingOfNode(node.first, within(place, "first"));
      const meanwhile = endingOf(node.meanwhile, place);
      const { value, ...rest } = inSequence([meanwhile, first]);
      return Array.isArray(value) ? { ...rest, value: value.toReversed() } : rest;
    }
    case "loop": {
      const rounds = Array.from({ length: node.times }, (_, round) => within(place, `r${round}`));
      return inSequence(rounds.map((round) => endingOf(node.body, round)));
    }
    case "try":
      return endingOfTry(node, place);
    case "throw":
      return node.error === "terminal" ? { failure: thrown(place) } : { value: "passed" };
    case "unstable":
      return { value: place };
    case "settle-awakeable":
    case "send-signal":
    case "promise-touch":
    case "state":
    case "increment":
    case "read":
      return { value: ANY };
  }
}

function endingOfRun({ plan, times, ms }: RunNode, place: string): Ending {
  if (plan === "terminal") return { failure: refusal(place) };
  if (plan === "large") return { value: ms };
  if (plan !== "exhausted") return { value: place };
  const often = times === 1 ? "once" : `${times} times`;
  return {
    failure: `step ${JSON.stringify(stepName(place))} failed ${often}, at last with: Error: ${fault(place)}`,
  };
}

/** A workflow's key that callers share: whoever comes first starts it. */
function isPool({ target }: Program): boolean {
  return target.service === "flow" && target.handler === "run" && target.key.startsWith("pool");
}

function endingOfSend(node: Extract<Node, { kind: "send" }>): Ending {
  const own = node.id !== undefined || isPool(node.program) ? EITHER : endingOf(node.program.body, "");
  const isCancelled = node.after.some((after) => after === "cancel" || after === "cancel-by-id");
  const uses = node.after.map((after): Ending => {
    if (after === "attach" || after === "attach-address") return isCancelled ? EITHER : own;
    if (after === "output") return EITHER;
    return { value: ANY };
  });
  return inSequence([{ value: "sent" }, ...uses]);
}

function endingOfBranches({ join, branches }: BranchesNode, place: string): Ending {
  const endings = branches.map((body, index) => endingOf(body, within(place, index)));
  const failures = endings.filter((ending) => "failure" in ending);
  switch (join) {
    case "all":
      // Which of several fails first is a matter of time.
      return failures.length > 1 ? { ...inSequence(endings), failure: ANY } : inSequence(endings);
    case "race":
      return oneOf(endings);
    case "any":
      if (failures.length < endings.length) return { value: ANY };
      return endings.every((ending) => !("value" in ending))
        ? { failure: NONE }
        : { value: ANY, failure: NONE };
    case "all-settled":
      return { value: endings.map(settledPattern) };
  }
}

function oneOf(endings: readonly Ending[]): Ending {
  return {
    ...(endings.some((ending) => "value" in ending) ? { value: ANY } : {}),
    ...(endings.some((ending) => "failure" in ending) ? { failure: ANY } : {}),
  };
}

function settledPattern(ending: Ending): unknown {
  if (!("failure" in ending)) return ["ok", ending.value];
  return "value" in ending ? ANY : ["failed", ending.failure];
}

function endingOfTry({ body, rescue, always }: TryNode, place: string): Ending {
  const tried = endingOf(body, within(place, "try"));
  const result = rescue === undefined ? tried : rescued(tried, endingOf(rescue, within(place, "catch")));
  if (always === undefined) return inSequence([result]);
  const after = endingOf(always, within(place, "always"));
  // A failure of what always runs takes the place of what was before.
  const whole = inSequence([result, after]);
  return "failure" in after && "failure" in result ? { ...whole, failure: ANY } : whole;
}

function rescued(tried: Ending, rescue: Ending): Ending {
  if (!("failure" in tried)) return tried;
  const { failure } = tried;
  const caught = failure === ANY ? ANY : `caught ${failure ?? ""}`;
  const inRescue: Ending = "value" in rescue ? { ...rescue, value: [caught, rescue.value] } : rescue;
  if (!("value" in tried)) return inRescue;
  return {
    ...("failure" in inRescue ? { failure: inRescue.failure } : {}),
    value: ANY,
  };
}
