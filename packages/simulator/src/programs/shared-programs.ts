/**
 * Programs that many callers share: those of idempotency keys, and of workflow keys that are not fresh. Each is the same
 * whoever names it, holds no lock while it waits and waits for nobody, so that sharing one closes no circle.
 */
import type { Program } from "./program.ts";

/** By idempotency key. */
export const SHARED_BY_ID: Readonly<Record<string, Program>> = {
  "shared-plain": { target: { service: "plain" }, body: [step(), { kind: "sleep", ms: 2_000, named: true }] },
  "shared-failing": {
    target: { service: "plain" },
    body: [step(), { kind: "throw", error: "terminal", times: 1 }],
  },
  "shared-thing": {
    target: { service: "thing", key: "k3", handler: "go" },
    body: [{ kind: "increment" }, step()],
  },
};

/** Keys of workflows that anybody may start. */
export const POOL_KEYS = ["pool-0", "pool-1"] as const;

export function poolProgram(key: (typeof POOL_KEYS)[number]): Program {
  return {
    target: { service: "flow", key, handler: "run" },
    body: [
      { kind: "promise-touch", name: "kept-0", touch: "settle" },
      { kind: "sleep", ms: 10_000, named: false },
      { kind: "promise-touch", name: "broken-0", touch: "settle" },
    ],
  };
}

function step(): Program["body"][number] {
  return { kind: "run", plan: "value", times: 0, ms: 0 };
}
