/** The program of ../README.md in Restate's SDK for TypeScript: a process of its own, as those in other languages are. */
import { existsSync, openSync, writeSync } from "node:fs";
import { createServer } from "node:http2";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";

import * as restate from "@restatedev/restate-sdk";

const [port = "0", folder = ""] = process.argv.slice(2);
const ledger = openSync(join(folder, "ledger"), "a");
const GATE_POLL_MS = 5;

const tries = new Map<string, number>();
function count(name: string): number {
  const times = (tries.get(name) ?? 0) + 1;
  tries.set(name, times);
  return times;
}

/** A step that says in the ledger that it ran. */
async function noted(ctx: restate.Context, name: string, step: string): Promise<string> {
  return ctx.run(step, () => {
    writeSync(ledger, `${name}:${step}\n`);
    return step;
  });
}

/** A step that says so, and then waits until it may go on: until somebody makes a file. */
async function gated(ctx: restate.Context, name: string, step: string): Promise<string> {
  return ctx.run(step, async () => {
    writeSync(ledger, `${name}:${step}\n`);
    while (!existsSync(join(folder, `${name}.${step}`))) await setTimeout(GATE_POLL_MS);
    return step;
  });
}

const tally = restate.object({
  name: "tally",
  handlers: {
    add: async (ctx: restate.ObjectContext, amount: number) => {
      const total = ((await ctx.get<number>("total")) ?? 0) + amount;
      ctx.set("total", total);
      return total;
    },
    spoil: async (ctx: restate.ObjectContext) => {
      ctx.set("total", 7);
      throw new restate.TerminalError("spoilt", { errorCode: 422 });
    },
    clear: async (ctx: restate.ObjectContext) => {
      const keys = await ctx.stateKeys();
      ctx.clearAll();
      return keys;
    },
  },
});

const flow = restate.workflow({
  name: "flow",
  handlers: {
    run: async (ctx: restate.WorkflowContext, start: string) =>
      `${start} ${await ctx.promise<string>("approval")}`,
    approve: restate.createWorkflowSharedHandler(async (ctx: restate.WorkflowSharedContext, by: string) => {
      await ctx.promise<string>("approval").resolve(by);
    }),
  },
});

const quick = { initialRetryInterval: 1, retryIntervalFactor: 1 };

const failures = {
  retried: async (ctx: restate.Context, name: string) =>
    ctx.run(
      "flaky",
      () => {
        const times = count(name);
        if (times < 3) throw new Error("not yet");
        return times;
      },
      quick,
    ),
  hopeless: async (ctx: restate.Context, name: string) => {
    try {
      const fail = (): void => {
        throw new Error(`try ${count(name)}`);
      };
      await ctx.run("fail", fail, { ...quick, maxRetryAttempts: 3 });
      return "worked";
    } catch (error) {
      if (!(error instanceof restate.TerminalError)) throw error;
      return `gave up after ${tries.get(name)}`;
    }
  },
  eventually: async (_ctx: restate.Context, name: string) => {
    const times = count(name);
    if (times < 4) throw new Error("not yet");
    return times;
  },
  terminal: async () => {
    throw new restate.TerminalError("that was it", { errorCode: 418 });
  },
  mistaken: async (ctx: restate.Context) => {
    await ctx.run("fail", () => {
      throw new restate.TerminalError("a mistake", { errorCode: 422 });
    });
  },
  propagate: async (ctx: restate.Context) => {
    await ctx.serviceClient(sample).terminal();
  },
};

const waits = {
  nap: async (ctx: restate.Context, ms: number) => {
    await ctx.sleep(ms);
    return "slept";
  },
  awake: async (ctx: restate.Context): Promise<string> => {
    const { id, promise } = ctx.awakeable<string>();
    ctx.serviceSendClient(sample).wake(id);
    return promise;
  },
  wake: async (ctx: restate.Context, id: string) => {
    ctx.resolveAwakeable(id, "woken");
  },
  caller: async (ctx: restate.Context, name: string): Promise<string> => {
    try {
      return await ctx.serviceClient(sample).waiter(name);
    } catch (error) {
      if (error instanceof restate.TerminalError) await noted(ctx, name, "caller cleaned up");
      throw error;
    }
  },
  waiter: async (ctx: restate.Context, name: string): Promise<string> => {
    const { promise } = ctx.awakeable<string>();
    try {
      // A cancel is heard at the first wait after it came, which may be that for the step.
      await noted(ctx, name, "waits");
      return await promise;
    } catch (error) {
      if (error instanceof restate.TerminalError) await noted(ctx, name, "waiter cleaned up");
      throw error;
    }
  },
};

const sample = restate.service({
  name: "sample",
  handlers: {
    ...failures,
    ...waits,
    headers: async (ctx: restate.Context) => ctx.request().headers.get("x-test") ?? "",
    echo: async (_ctx: restate.Context, value: string) => value,
    steps: async (ctx: restate.Context, name: string) => {
      const results: string[] = [];
      for (const step of ["one", "two", "three"]) {
        results.push(await ctx.run(step, () => `${step}:${count(name + step)}`));
        await ctx.sleep(5);
      }
      return results;
    },
    relay: async (ctx: restate.Context, key: string) => {
      const results: number[] = [];
      for (const amount of [1, 2]) results.push(await ctx.objectClient(tally, key).add(amount));
      ctx.objectSendClient(tally, key).add(3);
      results.push(await ctx.objectClient(tally, key).add(0));
      return results;
    },
    journey: async (ctx: restate.Context, name: string): Promise<unknown[]> => {
      const first = await noted(ctx, name, "first");
      const slow = await gated(ctx, name, "slow");
      await noted(ctx, name, "sleepy");
      await ctx.sleep(2_000);
      const { id, promise } = ctx.awakeable<string>();
      await noted(ctx, name, `awaits ${id}`);
      const woken = await promise;
      const called = await ctx.serviceClient(sample).callee(name);
      const total = await ctx.objectClient(tally, name).add(1);
      return [first, slow, woken, called, total, await noted(ctx, name, "last")];
    },
    callee: async (ctx: restate.Context, name: string) => gated(ctx, name, "callee"),
  },
});

const handle = restate.createEndpointHandler({ services: [sample, tally, flow], logger: () => {} });
createServer(handle).listen(Number(port), "127.0.0.1");
