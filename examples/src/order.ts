// An order over three systems that know nothing of each other. Each step says how it is taken back; whatever goes wrong
// later, what was done before is undone in reverse.

import { handler, service, TerminalError, workflow } from "@holdfast/sdk";
import { z } from "zod";

const Order = z.object({ id: z.string(), item: z.string(), cents: z.number().int().positive() });

/** What the outside world was told to do, in order. */
export const told: string[] = [];

const payments = service("payments", {
  charge: handler({ input: Order }, (ctx, order) =>
    ctx.run("charge", ({ idempotencyKey }) => {
      if (order.cents > 100_000)
        throw new TerminalError("card declined", { code: "card-declined", status: 402 });
      told.push(`charge ${order.cents}`);
      return { receipt: idempotencyKey };
    }),
  ),
});

const order = workflow(
  "order",
  { input: Order, key: (o) => o.id, promises: { delivered: z.object({ at: z.date() }) } },
  async (ctx, o) => {
    await ctx.run("reserve", () => told.push(`reserve ${o.item}`), {
      undo: () => told.push(`release ${o.item}`),
    });
    const label = await ctx.run("label", () => `label-${o.id}`, {
      undo: (made) => told.push(`void ${made}`),
    });
    await ctx.call(payments.charge, o);
    ctx.state.set("label", label);

    const delivered = await ctx.promise("delivered").get({ timeout: "14d" });
    return delivered.ok ? { label, at: delivered.value.at } : { label, at: undefined };
  },
  {
    deliver: async (ctx) => ctx.promise("delivered").resolve({ at: new Date(await ctx.date.now()) }),
    label: (ctx) => ctx.state.get<string>("label"),
  },
);

export { order, payments };
