/** Handlers with interceptors of Restate's SDK for TypeScript, and what those saw. */
import * as restate from "@restatedev/restate-sdk";

import { count } from "./scenarios.contract.ts";

/** What happened to an invocation's handler and interceptors, in order, by the name in its input's header. */
export const seen = new Map<string, string[]>();

export function see(name: string, what: string): void {
  const events = seen.get(name) ?? [];
  events.push(what);
  seen.set(name, events);
}

/** Steps wait here for what the test says. */
export const gates = new Map<string, () => Promise<void>>();

function nameOf({ headers }: restate.Request): string {
  return headers.get("x-name") ?? "";
}

function outcomeOf(error: unknown): string {
  if (restate.internal.isSuspendedError(error)) return "suspended";
  return error instanceof Error ? error.message : "no error";
}

/** Says when it begins and how it ends. */
function witness(level: string): restate.HooksProvider {
  return ({ request }) => {
    const name = nameOf(request);
    const around = async (what: string, next: () => Promise<void>): Promise<void> => {
      see(name, `${what} begins`);
      try {
        await next();
        see(name, `${what} ends`);
      } catch (error) {
        see(name, `${what}: ${outcomeOf(error)}`);
        throw error;
      }
    };
    return {
      interceptor: {
        handler: (next) => around(`${level} handler`, next),
        run: (step, next) => around(`${level} ${step}`, next),
      },
    };
  };
}

export const hooked = restate.service({
  name: "hooked",
  options: { hooks: [witness("outer")] },
  handlers: {
    two: restate.handlers.handler({ hooks: [witness("inner")] }, async (ctx: restate.Context) => {
      await ctx.run("one", () => {});
      await ctx.sleep(1);
      return ctx.run("two", () => "done");
    }),
    flaky: async (ctx: restate.Context) => {
      const name = nameOf(ctx.request());
      await ctx.run("kept", () => {});
      if (count(`hooked/${name}`) === 1) throw new Error("first attempt");
      return "second attempt";
    },
    refused: async () => {
      throw new restate.TerminalError("refused");
    },
    gated: async (ctx: restate.Context) => {
      const name = nameOf(ctx.request());
      await ctx.run("gated", async () => gates.get(name)?.());
      await ctx.sleep(1);
      return "through";
    },
    later: async (ctx: restate.Context) => {
      const name = nameOf(ctx.request());
      const tries = await ctx.run("later", () => {
        const times = count(`later/${name}`);
        if (times === 1) throw new restate.RetryableError("not now", { retryAfter: 200 });
        return times;
      });
      return tries;
    },
    unreadable: restate.handlers.handler(
      { input: restate.serde.schema({ "~standard": refusing() }) },
      async (_ctx: restate.Context, input: unknown) => input,
    ),
  },
});

/** Reads nothing. */
function refusing() {
  return {
    version: 1 as const,
    vendor: "holdfast",
    validate: () => ({ issues: [{ message: "not readable" }] }),
    types: { input: undefined as unknown, output: undefined as unknown },
  };
}

/** Its interceptor fails as the first letter of the name says. */
export const failingHooks = restate.service({
  name: "failingHooks",
  options: {
    hooks: [
      ({ request }) => ({
        interceptor: {
          handler: async (next) => {
            const name = nameOf(request);
            if (name.startsWith("terminal")) throw new restate.TerminalError("the interceptor refused");
            if (count(`hook/${name}`) === 1) throw new Error("the interceptor failed");
            await next();
          },
        },
      }),
    ],
  },
  handlers: { go: async (_ctx: restate.Context) => "through" },
});
