/** Handlers that call, send, cancel and sleep in large numbers, in Restate's SDK for TypeScript. */
import * as restate from "@restatedev/restate-sdk";

import { count } from "./scenarios.contract.ts";

const { RestatePromise } = restate;

export const total = restate.object({
  name: "total",
  handlers: {
    add: async (ctx: restate.ObjectContext, n: number) => {
      const before = (await ctx.get<number>("total")) ?? 0;
      ctx.set("total", before + n);
      return [before, before + n];
    },
    clearAll: async (ctx: restate.ObjectContext) => {
      ctx.clearAll();
    },
    keys: restate.createObjectSharedHandler(async (ctx: restate.ObjectSharedContext) => ctx.stateKeys()),
  },
});

export const talk = restate.service({
  name: "talk",
  handlers: {
    sendOnce: async (ctx: restate.Context, { key, name }: { key: string; name: string }) => {
      return ctx.objectSendClient(total, key).add(1, restate.rpc.sendOpts({ idempotencyKey: name }))
        .invocationId;
    },
    /** Many that start later, and one that starts at once and must not queue behind them. */
    sendLater: async (
      ctx: restate.Context,
      { key, ms, times }: { key: string; ms: number; times: number },
    ) => {
      for (let n = 0; n < times; n++) {
        ctx.objectSendClient(total, key).add(1, restate.rpc.sendOpts({ delay: ms }));
      }
      return ctx.objectClient(total, key).add(0);
    },
    naps: async (ctx: restate.Context, times: number) => {
      await RestatePromise.all(Array.from({ length: times }, (_, n) => ctx.sleep(10 + 2 * n)));
      return times;
    },
    cancel: async (ctx: restate.Context, id: string) => {
      ctx.cancel(restate.InvocationIdParser.fromString(id));
    },
    waiting: async (ctx: restate.Context, { what, name }: { what: string; name: string }): Promise<void> => {
      count(`${name}/waits`);
      try {
        if (what === "SLEEP") await ctx.sleep(3_600_000);
        else if (what === "AWAKEABLE") await ctx.awakeable().promise;
        else await ctx.serviceClient(talk).waiting({ what: "AWAKEABLE", name: `${name}/callee` });
      } catch (error) {
        if (!(error instanceof restate.CancelledError)) throw error;
        await ctx.run("clean up", () => count(`${name}/cleaned`));
        throw error;
      }
    },
  },
});

/** Ends when it is told to, and with a failure. */
async function untilAborted(signal: AbortSignal, name: string): Promise<string> {
  count(`${name}/runs`);
  return new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(new restate.TerminalError("aborted")));
  });
}

/** Cancels everything that it has called, and stops everything that it runs. */
export const canceller = restate.service({
  name: "canceller",
  options: { explicitCancellation: true },
  handlers: {
    abort: async (ctx: restate.Context, name: string) => {
      const internal = ctx as unknown as restate.internal.ContextInternal;
      const controller = new AbortController();
      const steps = Array.from({ length: 5 }, (_, n) =>
        ctx.run(`step ${n}`, async () => untilAborted(controller.signal, name)),
      );
      await RestatePromise.race([internal.cancellation(), ...steps.map((step) => step.map(() => {}))]);
      controller.abort();
      const settled = await RestatePromise.allSettled(steps);
      return settled.map(({ status }) => status);
    },
    go: async (ctx: restate.Context, name: string) => {
      const internal = ctx as unknown as restate.internal.ContextInternal;
      const none = await internal.cancelPreviousCalls();
      const calls = ["a", "b"].map((one) =>
        ctx.serviceClient(talk).waiting({ what: "AWAKEABLE", name: `${name}/${one}` }),
      );
      const ids: string[] = [];
      for (const call of calls) ids.push(await call.invocationId);
      const cancelled: string[] = await internal.cancelPreviousCalls();
      const settled = await RestatePromise.allSettled(calls);
      return [none, cancelled.toSorted(), ids.toSorted(), settled.map(({ status }) => status)];
    },
  },
});
