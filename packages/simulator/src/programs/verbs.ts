/** The verbs of the SDK, each important variant as a verb of its own: what coverage is counted in. */
import type { AfterSend, CallNode, Node, RunNode, SendNode, Settler } from "./program.ts";

export const VERBS = [
  "run-value",
  "run-large",
  "run-flaky",
  "run-retried",
  "run-retry-after",
  "run-exhausted",
  "run-terminal",
  "run-timeout",
  "run-slow",
  "run-undo",
  "sleep-short",
  "sleep-long",
  "call-service",
  "call-object",
  "call-object-lazy",
  "call-object-shared",
  "call-workflow",
  "call-workflow-shared",
  "call-idempotent",
  "call-headers",
  "call-id",
  "call-cancelled",
  "call-deadlock",
  "send-service",
  "send-object",
  "send-workflow",
  "send-delayed",
  "send-id",
  "send-headers",
  "send-cancelled",
  "reschedule",
  "cancel",
  "cancel-self",
  "attach",
  "attach-address",
  "attach-unknown",
  "attach-deadlock",
  "output",
  "output-unknown",
  "awakeable",
  "awakeable-rejected",
  "awakeable-outside",
  "awakeable-timeout",
  "resolve-awakeable",
  "reject-awakeable",
  "signal",
  "signal-timeout",
  "send-signal",
  "promise-await",
  "promise-get",
  "promise-outside",
  "promise-timeout",
  "promise-peek",
  "promise-resolve",
  "promise-reject",
  "state-get",
  "state-set",
  "state-clear",
  "state-clear-all",
  "state-keys",
  "increment",
  "date",
  "random",
  "uuid",
  "log",
  "about",
  "all",
  "race",
  "any",
  "all-settled",
  "overlap",
  "loop",
  "try-catch",
  "try-finally",
  "throw-ordinary",
  "throw-retryable",
  "throw-pause",
  "throw-terminal",
  "unstable",
  "undo",
] as const;

export type Verb = (typeof VERBS)[number];

/** A sleep, or delay, of at least this long ends the attempt. Ms. */
export const LONG_MS = 3_600_000;

/** The verbs that a node issues itself, in their order; those of nodes inside it are theirs. */
export function verbsOf(node: Node): readonly Verb[] {
  switch (node.kind) {
    case "run":
      return runVerbs(node);
    case "sleep":
      return [node.ms >= LONG_MS ? "sleep-long" : "sleep-short"];
    case "call":
      return callVerbs(node);
    case "send":
      return sendVerbs(node);
    case "foreign":
      return [node.ask === "attach" ? "attach-unknown" : "output-unknown"];
    case "deadlock":
      return [node.by === "call" ? "call-deadlock" : "attach-deadlock"];
    case "awakeable":
      return [...waitVerbs("awakeable", node), ...settledHere(node.by, settleAwakeable(node.reject))];
    case "settle-awakeable":
      return [settleAwakeable(node.reject)];
    case "signal":
      return [node.timeoutMs > 0 ? "signal-timeout" : "signal", ...settledHere(node.by, "send-signal")];
    case "promise-wait":
      return promiseWaitVerbs(node);
    case "promise-touch":
      return [node.touch === "peek" ? "promise-peek" : settlePromise(node.name)];
    case "state":
      return [`state-${node.op}`];
    case "read":
      return [node.what];
    case "branches":
      return [node.join];
    case "try":
      return [
        ...(node.rescue === undefined ? [] : (["try-catch"] as const)),
        ...(node.always === undefined ? [] : (["try-finally"] as const)),
      ];
    case "throw":
      return [`throw-${node.error}`];
    case "cancel-self":
    case "send-signal":
    case "increment":
    case "overlap":
    case "loop":
    case "unstable":
      return [node.kind];
  }
}

function runVerbs({ plan, undo }: RunNode): readonly Verb[] {
  return undo === undefined ? [`run-${plan}`] : [`run-${plan}`, "run-undo"];
}

function callVerbs(node: CallNode): readonly Verb[] {
  const { target } = node.program;
  const verbs: Verb[] = [];
  if (target.service === "plain") verbs.push("call-service");
  else if (target.service === "flow")
    verbs.push(target.handler === "run" ? "call-workflow" : "call-workflow-shared");
  else verbs.push(OBJECT_CALLS[target.handler]);
  if (node.idempotencyKey !== undefined) verbs.push("call-idempotent");
  if (node.headers) verbs.push("call-headers");
  if (node.askId || node.cancel) verbs.push("call-id");
  if (node.cancel) verbs.push("cancel", "call-cancelled");
  return verbs;
}

const OBJECT_CALLS = { go: "call-object", pull: "call-object-lazy", look: "call-object-shared" } as const;

function sendVerbs(node: SendNode): readonly Verb[] {
  const { service } = node.program.target;
  const verbs: Verb[] = [SENDS[service]];
  if (node.delayMs > 0) verbs.push("send-delayed");
  if (node.id !== undefined) verbs.push("send-id");
  if (node.headers) verbs.push("send-headers");
  return [...verbs, ...node.after.map((after) => AFTER_SEND[after])];
}

const SENDS = { plain: "send-service", thing: "send-object", flow: "send-workflow" } as const;
const AFTER_SEND: Readonly<Record<AfterSend, Verb>> = {
  attach: "attach",
  "attach-address": "attach-address",
  output: "output",
  cancel: "send-cancelled",
  "cancel-by-id": "cancel",
  reschedule: "reschedule",
};

function waitVerbs(
  wait: "awakeable",
  node: { readonly by: Settler; readonly reject: boolean; readonly timeoutMs: number },
): readonly Verb[] {
  const verbs: Verb[] = [node.reject ? `${wait}-rejected` : wait];
  if (node.by === "outside") verbs.push(`${wait}-outside`);
  if (node.timeoutMs > 0) verbs.push(`${wait}-timeout`);
  return verbs;
}

function promiseWaitVerbs(node: Extract<Node, { kind: "promise-wait" }>): readonly Verb[] {
  const verbs: Verb[] = [`promise-${node.how}`];
  if (node.by === "outside") verbs.push("promise-outside");
  if (node.timeoutMs > 0) verbs.push("promise-timeout");
  return [...settledHere(node.by, settlePromise(node.name)), ...verbs];
}

function settledHere(by: Settler, verb: Verb): readonly Verb[] {
  return by === "self" ? [verb] : [];
}

function settleAwakeable(reject: boolean): Verb {
  return reject ? "reject-awakeable" : "resolve-awakeable";
}

function settlePromise(name: string): Verb {
  return name.startsWith("broken") ? "promise-reject" : "promise-resolve";
}
