// State per key, without a database: one exclusive handler at a time for each key, readers beside it.

import { object, shared } from "@holdfast/sdk";
import { z } from "zod";

export const counter = object(
  "counter",
  { state: { count: z.number(), since: z.date() } },
  {
    add: async (ctx, amount: number) => {
      const count = ((await ctx.state.get("count")) ?? 0) + amount;
      ctx.state.set("count", count);
      if ((await ctx.state.get("since")) === undefined)
        ctx.state.set("since", new Date(await ctx.date.now()));
      return count;
    },
    reset: async (ctx) => ctx.state.clearAll(),
    read: shared({}, async (ctx) => ({
      count: (await ctx.state.get("count")) ?? 0,
      since: await ctx.state.get("since"),
    })),
  },
);
