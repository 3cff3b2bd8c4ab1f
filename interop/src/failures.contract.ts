/** Handlers that fail, and those that do not do again what they did, in Restate's SDK for TypeScript. */
import * as restate from "@restatedev/restate-sdk";

import { count } from "./scenarios.contract.ts";

const metadata = { one: "1", two: "2" };
const refusal = (): restate.TerminalError =>
  new restate.TerminalError("refused", { errorCode: 422, metadata });

export const failures = restate.object({
  name: "failures",
  handlers: {
    terminal: async () => {
      throw refusal();
    },
    inStep: async (ctx: restate.ObjectContext) => {
      await ctx.run("refuse", () => {
        throw refusal();
      });
    },
    inCallee: async (ctx: restate.ObjectContext): Promise<void> => {
      await ctx.objectClient(failures, `${ctx.key}/callee`).terminal();
    },
    setThenFail: async (ctx: restate.ObjectContext) => {
      ctx.set("value", 1);
      throw refusal();
    },
    read: restate.createObjectSharedHandler(async (ctx: restate.ObjectSharedContext) =>
      ctx.get<number>("value"),
    ),
    add: async (ctx: restate.ObjectContext, n: number) => {
      const value = ((await ctx.get<number>("value")) ?? 0) + n;
      ctx.set("value", value);
      return value;
    },
    eventually: async (ctx: restate.ObjectContext) => {
      const attempt = count(`eventually/${ctx.key}`);
      if (attempt < 4) throw new Error(`attempt ${attempt}`);
      return attempt;
    },
    onceOnly: async (ctx: restate.ObjectContext): Promise<void> => {
      const name = `once only/${ctx.key}`;
      const fail = (): void => {
        throw new Error(`try ${count(name)}`);
      };
      await ctx.run("fail", fail, { maxRetryAttempts: 1 });
    },
    /** How many of three steps ran in the attempt that ended the handler. */
    flush: async (ctx: restate.ObjectContext) => {
      let ran = 0;
      for (const step of ["one", "two", "three"]) {
        await ctx.run(step, () => {
          ran += 1;
        });
      }
      return ran;
    },
  },
});

/** Each does one thing in its first attempt and another in all others, and then waits until it is replayed. */
export const divergent = restate.service({
  name: "divergent",
  handlers: {
    sleepOrCall: async (ctx: restate.Context, key: string) => {
      if (isFirst(key)) await ctx.sleep(1);
      else await ctx.objectClient(failures, key).add(1);
      await again(ctx);
    },
    otherMethod: async (ctx: restate.Context, key: string) => {
      if (isFirst(key)) await ctx.objectClient(failures, `${key}/a`).read();
      else await ctx.objectClient(failures, key).add(1);
      await again(ctx);
    },
    otherTarget: async (ctx: restate.Context, key: string) => {
      ctx.objectSendClient(failures, isFirst(key) ? `${key}/a` : key).add(1);
      await again(ctx);
    },
  },
});

/** Of an object, because only those have state. */
export const divergentState = restate.object({
  name: "divergentState",
  handlers: {
    otherKey: async (ctx: restate.ObjectContext) => {
      ctx.set(isFirst(ctx.key) ? "first" : "second", ctx.key);
      await again(ctx);
    },
    keys: restate.createObjectSharedHandler(async (ctx: restate.ObjectSharedContext) => ctx.stateKeys()),
  },
});

function isFirst(key: string): boolean {
  return count(`divergent/${key}`) === 1;
}

async function again(ctx: restate.Context): Promise<void> {
  await ctx.sleep(1);
  throw new Error("again");
}
