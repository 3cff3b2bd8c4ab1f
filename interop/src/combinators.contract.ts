/** Handlers that wait for several things at a time, in the ways of Restate's SDK for TypeScript. */
import * as restate from "@restatedev/restate-sdk";

const { RestatePromise } = restate;

function failingStep(ctx: restate.Context, name: string): restate.RestatePromise<string> {
  return ctx.run<string>(name, () => {
    throw new restate.TerminalError(name);
  });
}

/** "ok:" or "err:" and what it was, each. */
async function outcomes(promises: restate.RestatePromise<string>[]): Promise<string[]> {
  const settled = await RestatePromise.allSettled(promises);
  return settled.map((result) =>
    result.status === "fulfilled" ? `ok:${result.value}` : `err:${(result.reason as Error).message}`,
  );
}

const signals = (ctx: restate.Context): restate.RestatePromise<string>[] =>
  ["sig0", "sig1", "sig2"].map((name) => ctx.signal<string>(name));

export type Sent = { id: string; name: string; value?: unknown; reason?: string };

export const combined = restate.service({
  name: "combined",
  handlers: {
    send: async (ctx: restate.Context, { id, name, value, reason }: Sent) => {
      const signal = ctx.invocation(restate.InvocationIdParser.fromString(id)).signal<unknown>(name);
      if (reason === undefined) signal.resolve(value);
      else signal.reject(reason);
    },
    one: async (ctx: restate.Context) => ctx.signal<unknown>("sig0"),
    anySignal: async (ctx: restate.Context) => RestatePromise.any(signals(ctx)),
    allSignals: async (ctx: restate.Context) => RestatePromise.all(signals(ctx)),
    settledSignals: async (ctx: restate.Context) => outcomes(signals(ctx)),
    firstSignal: async (ctx: restate.Context) => RestatePromise.race(signals(ctx)),
    stepAgainstSignal: async (ctx: restate.Context) =>
      RestatePromise.race([ctx.signal<string>("never"), ctx.run("at once", () => "step")]),
    signalAfterFailure: async (ctx: restate.Context) =>
      RestatePromise.any([failingStep(ctx, "fail"), ctx.signal<string>("sig0")]),
    stepAndSignal: async (ctx: restate.Context) =>
      RestatePromise.all([ctx.run("step", () => "runval"), ctx.signal<string>("sig0")]),
    stepSignalAndFailure: async (ctx: restate.Context) =>
      outcomes([ctx.run("step", () => "runval"), ctx.signal<string>("sig0"), failingStep(ctx, "fail")]),
    signalOrTimeout: async (ctx: restate.Context) => {
      try {
        return await ctx.signal<string>("sig0").orTimeout(20);
      } catch (error) {
        if (error instanceof restate.TimeoutError) return "timed out";
        throw error;
      }
    },
    /** Signals of one name, until one of them says that it is the last. */
    stream: async (ctx: restate.Context) => {
      const values: string[] = [];
      for (;;) {
        const value = await ctx.signal<string>("item");
        if (value === "end") return values;
        values.push(value);
      }
    },
    /** The first success of three awakeables and three failing steps. */
    firstSuccess: async (ctx: restate.Context) => {
      const awakeables = [0, 1, 2].map(() => ctx.awakeable<string>());
      ctx.serviceSendClient(combined).settle(awakeables.map(({ id }) => id));
      const steps = [0, 1, 2].map((n) => failingStep(ctx, `fail ${n}`));
      return RestatePromise.any([...awakeables.map(({ promise }) => promise), ...steps]);
    },
    settle: async (ctx: restate.Context, ids: string[]): Promise<void> => {
      ctx.rejectAwakeable(ids[2] ?? "", "no");
      await ctx.sleep(10);
      ctx.resolveAwakeable(ids[1] ?? "", "yes");
    },
    constants: async (ctx: restate.Context) => {
      const settled = RestatePromise.resolve("there");
      const failed = RestatePromise.reject<string>(new restate.TerminalError("not there"));
      const raced = await RestatePromise.race([settled, ctx.signal<string>("never")]);
      return [raced, await RestatePromise.any([failed, settled]), ...(await outcomes([settled, failed]))];
    },
    /** Two races that share who wins both. */
    nested: async (ctx: restate.Context) => {
      const shared = ctx.sleep(5).map(() => "shared");
      const races = ["one", "two"].map((name) => RestatePromise.race([shared, ctx.signal<string>(name)]));
      return outcomes(races);
    },
    /** In which order things are mapped must be the same in every attempt. */
    interleaved: async (ctx: restate.Context) => {
      const order: number[] = [];
      const naps = [9, 1, 5].map((ms) =>
        ctx.sleep(ms).map(() => {
          order.push(ms);
          return ms;
        }),
      );
      await RestatePromise.all(naps);
      const recorded = await ctx.run("order", () => [...order]);
      await ctx.sleep(1);
      return [recorded, order];
    },
  },
});
