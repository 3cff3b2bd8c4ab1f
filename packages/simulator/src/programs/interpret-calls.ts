/** Calls, sends and everything that is asked about other invocations. */
import type { SendHandle } from "@holdfast/sdk";

import type { AfterSend, CallNode, DeadlockNode, ForeignNode, SendNode } from "./program.ts";
import { addressOf, duration, type Address, type Scope } from "./scope.ts";

/** An id of the right form that no invocation has. */
const NOBODY = "inv_11111111111111111111111111111111";
const HEADERS = { "x-program": "call" } as const;
const RESCHEDULED = "90s";

export async function interpretCall(scope: Scope, node: CallNode, place: string): Promise<unknown> {
  const { ctx } = scope;
  const { ref, key } = addressOf(scope, node.program.target, place);
  const options = {
    ...(node.headers ? { headers: HEADERS } : {}),
    ...(node.idempotencyKey === undefined ? {} : { idempotencyKey: node.idempotencyKey }),
  };
  const outcome = ctx.call(ref, ...key, node.program, options);
  if (!node.askId && !node.cancel) return outcome;
  const told = outcome.invocationId.then((id) => {
    if (node.cancel) ctx.cancel(id);
  });
  // Both at once: a branch that waited for the id alone would leave a call behind that nobody ever awaited.
  const [value] = await Promise.all([outcome, told]);
  return value;
}

/** The result lists what each of the later uses of the invocation gave. */
export async function interpretSend(scope: Scope, node: SendNode, place: string): Promise<unknown[]> {
  const address = addressOf(scope, node.program.target, place);
  const options = {
    ...(node.delayMs > 0 ? { delay: duration(node.delayMs) } : {}),
    ...(node.id === undefined ? {} : { id: node.id }),
    ...(node.headers ? { headers: HEADERS } : {}),
  };
  const handle = await scope.ctx.send(address.ref, ...address.key, node.program, options);
  const results: unknown[] = ["sent"];
  for (const after of node.after) results.push(await use(scope, node, { after, address, handle }));
  return results;
}

type Use = { readonly after: AfterSend; readonly address: Address; readonly handle: SendHandle };

async function use({ ctx }: Scope, node: SendNode, { after, address, handle }: Use): Promise<unknown> {
  const { ref, key } = address;
  switch (after) {
    case "attach":
      return ctx.attach(handle);
    case "attach-address":
      if (node.program.target.service === "flow" && node.program.target.handler === "run")
        return ctx.attach({ workflow: ref, key: key[0] ?? "" });
      return ctx.attach({
        handler: ref,
        ...(key[0] === undefined ? {} : { key: key[0] }),
        idempotencyKey: node.id ?? "",
      });
    case "output":
      return (await ctx.output(handle.invocationId)) === undefined ? "open" : "ended";
    case "cancel":
      handle.cancel();
      return "cancelled";
    case "cancel-by-id":
      ctx.cancel(handle.invocationId);
      return "cancelled";
    case "reschedule":
      return handle.reschedule(RESCHEDULED);
  }
}

export async function interpretForeign({ ctx }: Scope, { ask }: ForeignNode): Promise<unknown> {
  if (ask === "attach") return ctx.attach(NOBODY);
  const output = await ctx.output(NOBODY);
  return output === undefined ? "open" : "ended";
}

export async function interpretDeadlock(scope: Scope, { by }: DeadlockNode, place: string): Promise<unknown> {
  const { ctx } = scope;
  if (by === "attach") return ctx.attach(ctx.invocationId);
  const target = { service: "thing", key: ctx.key, handler: "go" } as const;
  const { ref, key } = addressOf(scope, target, place);
  return ctx.call(ref, ...key, { target, body: [] });
}
