/** Programs in the unmodified Restate SDK for TypeScript that use all of it. Each is deterministic but for what it says. */
import * as restate from "@restatedev/restate-sdk";

/** How often things ran that are not recorded, by a name that the caller made up. */
export const ran = new Map<string, number>();

export function count(name: string): number {
  const times = (ran.get(name) ?? 0) + 1;
  ran.set(name, times);
  return times;
}

export const counter = restate.object({
  name: "counter",
  handlers: {
    add: async (ctx: restate.ObjectContext, n: number) => {
      const before = (await ctx.get<number>("count")) ?? 0;
      ctx.set("count", before + n);
      await ctx.sleep(1);
      return { before, after: await ctx.get<number>("count"), key: ctx.key };
    },
    clear: async (ctx: restate.ObjectContext) => {
      ctx.set("other", "there");
      const keys = await ctx.stateKeys();
      ctx.clear("count");
      const cleared = await ctx.get("count");
      ctx.clearAll();
      return [keys, cleared, await ctx.stateKeys()];
    },
    read: restate.createObjectSharedHandler(async (ctx: restate.ObjectSharedContext) =>
      ctx.get<number>("count"),
    ),
  },
});

/** The same state, fetched as it is read. */
export const lazyCounter = restate.object({
  name: "lazyCounter",
  options: { enableLazyState: true },
  handlers: {
    add: async (ctx: restate.ObjectContext, n: number) => {
      const before = (await ctx.get<number>("count")) ?? 0;
      ctx.set("count", before + n);
      return [before, await ctx.get<number>("count"), await ctx.stateKeys(), await ctx.get("missing")];
    },
  },
});

export const steps = restate.service({
  name: "steps",
  handlers: {
    /** Each step runs once, however often the handler does. */
    three: async (ctx: restate.Context, name: string) => {
      const results: unknown[] = [];
      for (const step of ["one", "two", "three"]) {
        results.push(await ctx.run(step, () => `${step}:${count(`${name}/${step}`)}`));
      }
      return results;
    },
    /** Fails until it has been tried `times`. */
    flaky: async (ctx: restate.Context, { name, times }: { name: string; times: number }) =>
      ctx.run("flaky", () => {
        const tries = count(name);
        if (tries < times) throw new Error(`try ${tries} fails`);
        return tries;
      }),
    /** Is given up after three tries. */
    hopeless: async (ctx: restate.Context, name: string) => {
      try {
        await ctx.run(
          "hopeless",
          () => {
            count(name);
            throw new Error("never works");
          },
          { maxRetryAttempts: 3, initialRetryInterval: 1, retryIntervalFactor: 1 },
        );
        return "worked";
      } catch (error) {
        if (!(error instanceof restate.TerminalError)) throw error;
        return `gave up: ${error.message}`;
      }
    },
    nothing: async (ctx: restate.Context) => {
      await ctx.run("nothing", () => {});
    },
    nap: async (ctx: restate.Context, ms: number) => {
      const before = await ctx.date.now();
      await ctx.sleep(ms);
      return (await ctx.date.now()) - before;
    },
    random: async (ctx: restate.Context) => {
      const first = ctx.rand.uuidv4();
      await ctx.sleep(1);
      return [first, ctx.rand.random()];
    },
    echo: async (_ctx: restate.Context, value: string) => value,
    headers: async (ctx: restate.Context) => ctx.request().headers.get("x-test"),
  },
});

export const waiting = restate.service({
  name: "waiting",
  handlers: {
    forAwakeable: async (ctx: restate.Context, name: string) => {
      const { id, promise } = ctx.awakeable<string>();
      await ctx.run("tell", () => {
        told.set(name, id);
      });
      return promise;
    },
    resolve: async (ctx: restate.Context, { id, value }: { id: string; value: string }) => {
      ctx.resolveAwakeable(id, value);
    },
    reject: async (ctx: restate.Context, id: string) => {
      ctx.rejectAwakeable(id, "rejected");
    },
    forSignals: async (ctx: restate.Context, names: string[]) => {
      const values: unknown[] = [];
      for (const name of names) values.push(await ctx.signal<string>(name));
      return values;
    },
    signal: async (ctx: restate.Context, to: { id: string; name: string; value: string }) => {
      ctx.invocation(restate.InvocationIdParser.fromString(to.id)).signal<string>(to.name).resolve(to.value);
    },
    first: async (ctx: restate.Context) =>
      restate.RestatePromise.race([
        ctx.sleep(60_000).map(() => "slow"),
        ctx.sleep(5).map(() => "fast"),
        ctx.awakeable<string>().promise,
      ]),
    all: async (ctx: restate.Context) => {
      const naps = [3, 1, 2].map((ms) => ctx.sleep(ms).map(() => ms));
      const runs = ["a", "b"].map((name) => ctx.run(name, () => name));
      return restate.RestatePromise.all([...naps, ...runs]);
    },
    settled: async (ctx: restate.Context) => {
      const failing = ctx.run<string>("failing", () => {
        throw new restate.TerminalError("no");
      });
      const results = await restate.RestatePromise.allSettled([failing, ctx.run("working", () => "yes")]);
      return results.map(({ status }) => status);
    },
    any: async (ctx: restate.Context) =>
      restate.RestatePromise.any([
        ctx.run<string>("failing", () => {
          throw new restate.TerminalError("no");
        }),
        ctx.sleep(2).map(() => "any"),
      ]),
    patient: async (ctx: restate.Context) => {
      try {
        await ctx.awakeable<string>().promise.orTimeout(5);
        return "resolved";
      } catch (error) {
        return error instanceof restate.TimeoutError ? "timed out" : "failed";
      }
    },
  },
});

/** Ids that handlers told the test, by the name it gave. */
export const told = new Map<string, string>();

export const callers = restate.service({
  name: "callers",
  handlers: {
    call: async (ctx: restate.Context, text: string) => ctx.serviceClient(steps).echo(text),
    large: async (ctx: restate.Context, bytes: number) => {
      const text = await ctx.run("large", () => "x".repeat(bytes));
      return ctx.serviceClient(steps).echo(text);
    },
    callObject: async (ctx: restate.Context, key: string) => {
      const results = [
        await ctx.objectClient(counter, key).add(2),
        await ctx.objectClient(counter, key).add(3),
      ];
      return results.map(({ after }) => after);
    },
    send: async (ctx: restate.Context, key: string) => {
      const client = ctx.objectSendClient(counter, key);
      for (let n = 1; n <= 5; n++) client.add(n);
      return "sent";
    },
    later: async (ctx: restate.Context, { key, ms }: { key: string; ms: number }) => {
      const handle = ctx.objectSendClient(counter, key).add(1, restate.rpc.sendOpts({ delay: ms }));
      return handle.invocationId;
    },
    idempotent: async (ctx: restate.Context, { key, name }: { key: string; name: string }) => {
      const call = (): Promise<{ before: number }> =>
        ctx.objectClient(counter, key).add(1, restate.rpc.opts({ idempotencyKey: name }));
      return [(await call()).before, (await call()).before];
    },
    attach: async (ctx: restate.Context, key: string) => {
      const handle = ctx.objectSendClient(counter, key).add(7);
      const id = await handle.invocationId;
      return ctx.invocation(id).attach<{ after: number }>();
    },
    missing: async (ctx: restate.Context) =>
      ctx.genericCall<string, string>({ service: "nowhere", method: "to", parameter: "be found" }),
    catching: async (ctx: restate.Context) => {
      try {
        await ctx.serviceClient(failing).terminally();
        return "no failure";
      } catch (error) {
        if (!(error instanceof restate.TerminalError)) throw error;
        return [error.message, error.code, error.metadata];
      }
    },
    fan: async (ctx: restate.Context, n: number) => {
      const calls = Array.from({ length: n }, (_, i) => ctx.serviceClient(steps).echo(`${i}`));
      return (await restate.RestatePromise.all(calls)).length;
    },
  },
});

export const failing = restate.service({
  name: "failing",
  handlers: {
    terminally: async () => {
      throw new restate.TerminalError("that was it", { errorCode: 418, metadata: { kind: "teapot" } });
    },
    always: async (_ctx: restate.Context, name: string) => {
      throw new Error(`failure ${count(name)}`);
    },
    /** Does something else each time. */
    differently: async (ctx: restate.Context, name: string) => {
      if (count(name) % 2 === 1) await ctx.run("odd", () => 1);
      else await ctx.sleep(1);
      throw new Error("again");
    },
  },
});

export const flow = restate.workflow({
  name: "flow",
  handlers: {
    run: async (ctx: restate.WorkflowContext, start: string) => {
      ctx.set("stage", "waiting");
      const approval = await ctx.promise<string>("approval");
      ctx.set("stage", "done");
      return `${start} ${approval}`;
    },
    approve: restate.createWorkflowSharedHandler(async (ctx: restate.WorkflowSharedContext, by: string) => {
      await ctx.promise<string>("approval").resolve(by);
      return ctx.promise<string>("approval").peek();
    }),
    stage: restate.createWorkflowSharedHandler(async (ctx: restate.WorkflowSharedContext) =>
      ctx.get<string>("stage"),
    ),
  },
});

/** A chain of callers, the last of which waits for ever unless it is cancelled. */
export const chain = restate.object({
  name: "chain",
  handlers: {
    link: async (
      ctx: restate.ObjectContext,
      { depth, name }: { depth: number; name: string },
    ): Promise<string> => {
      if (depth > 0) return ctx.objectClient(chain, `${name}/${depth}`).link({ depth: depth - 1, name });
      count(`${name}/waits`);
      try {
        await ctx.awakeable().promise;
        return "woken";
      } catch (error) {
        if (!(error instanceof restate.CancelledError)) throw error;
        await ctx.run("clean up", () => count(`${name}/cleaned`));
        throw error;
      }
    },
  },
});

/** Hears of a cancel as of anything else, and leaves its callee alone until it says otherwise. */
export const explicit = restate.object({
  name: "explicit",
  options: { explicitCancellation: true },
  handlers: {
    go: async (ctx: restate.ObjectContext, name: string) => {
      const internal = ctx as unknown as restate.internal.ContextInternal;
      const callee = ctx.objectClient(chain, name).link({ depth: 0, name });
      const heard: string[] = [];
      for (const time of ["first", "second"]) {
        heard.push(
          await restate.RestatePromise.race([
            callee.map(() => "the callee ended"),
            internal.cancellation().map(() => `the ${time} cancel`),
          ]),
        );
        await ctx.run(`after the ${time}`, () => count(`${name}/${time}`));
      }
      ctx.cancel(await callee.invocationId);
      return heard;
    },
  },
});

export const services = [counter, lazyCounter, steps, waiting, callers, failing, flow, chain, explicit];
