/** What the compiler must refuse. Each line below a directive fails to compile; were it accepted, the directive would. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { connect } from "@holdfast/client";
import { z } from "zod";

import type { Context } from "../context.ts";
import { handler, shared } from "./handler.ts";
import { object, service } from "./service.ts";
import { workflow } from "./workflow.ts";

const mail = service("mail", {
  send: handler(
    { input: z.object({ to: z.string(), text: z.string() }) },
    async (_ctx, input) => input.to.length,
  ),
  ping: async () => "pong",
  late: handler({ input: z.date() }, async (_ctx, at) => at.getTime()),
});

const counter = object(
  "counter",
  { state: { count: z.number() } },
  {
    add: async (ctx, amount: number) => {
      const count = ((await ctx.state.get("count")) ?? 0) + amount;
      ctx.state.set("count", count);
      // @ts-expect-error: the state has no such key
      ctx.state.set("cuont", count);
      // @ts-expect-error: the declared type is a number
      ctx.state.set("count", "many");
      return count;
    },
    read: shared({}, async (ctx) => {
      // @ts-expect-error: a shared handler does not write
      ctx.state.set("count", 1);
      // @ts-expect-error: nor does it clear
      ctx.state.clearAll();
      return ctx.state.get("count");
    }),
  },
);

const bag = object("bag", {
  put: async (ctx, text: string) => {
    ctx.state.set("anything", text);
    return ctx.state.get<string>("anything");
  },
});

const release = workflow(
  "release",
  {
    input: z.object({ app: z.string() }),
    promises: { approval: z.object({ ok: z.boolean() }) },
    state: { phase: z.string() },
  },
  async (ctx, input) => {
    const approval = await ctx.promise("approval");
    ctx.state.set("phase", input.app);
    // @ts-expect-error: not declared
    await ctx.promise("aproval");
    return approval.ok;
  },
  {
    approve: async (ctx, by: string) => {
      await ctx.promise("approval").resolve({ ok: by !== "" });
      // @ts-expect-error: the payload is an object
      await ctx.promise("approval").resolve(true);
      // @ts-expect-error: shared handlers do not write
      ctx.state.set("phase", "approved");
      return ctx.state.get("phase");
    },
    peek: handler({}, (ctx) => ctx.promise("approval").peek()),
  },
);

const keyed = workflow(
  "keyed",
  { input: z.object({ id: z.string() }), key: (input) => input.id },
  async () => 1,
);

async function calls(ctx: Context): Promise<void> {
  const length: number = await ctx.call(mail.send, { to: "kim", text: "hi" });
  const pong: string = await ctx.call(mail.ping);
  const time: number = await ctx.call(mail.late, new Date());
  const count: number = await ctx.call(counter.add, "visits", 1);
  const read: number | undefined = await ctx.call(counter.read, "visits");
  const put: string | undefined = await ctx.call(bag.put, "b", "x");
  const ok: boolean = await ctx.call(release, "r1", { app: "shop" });
  const phase: string | undefined = await ctx.call(release.handlers.approve, "r1", "kim");
  const one: number = await ctx.call(keyed, { id: "k" });
  assert.ok([length, pong, time, count, read, put, ok, phase, one]);

  // @ts-expect-error: `text` is missing
  await ctx.send(mail.send, { to: "kim" }, { delay: "3d" });
  // @ts-expect-error: a field too many is most likely misspelled
  await ctx.call(mail.send, { to: "kim", text: "hi", subjct: "x" });
  await ctx.send(mail.ping, undefined, { delay: "3d" });
  // @ts-expect-error: what stands in the input's place is the input, so this delay would be lost
  await ctx.send(mail.ping, { delay: "3d" });
  // @ts-expect-error: no duration
  await ctx.send(mail.send, { to: "kim", text: "hi" }, { delay: "3 days" });
  // @ts-expect-error: no duration
  await ctx.sleep("3 days");
  // @ts-expect-error: a number has no unit
  await ctx.sleep(3000);
  // @ts-expect-error: the key is missing
  await ctx.call(counter.add, 1);
  // @ts-expect-error: the input is missing
  await ctx.call(counter.add, "visits");
  // @ts-expect-error: the key follows from the input
  await ctx.call(keyed, "k", { id: "k" });
  // @ts-expect-error: no such handler
  await ctx.call(counter.subtract, "visits", 1);
  // @ts-expect-error: plain services have no state
  void ctx.state;
}

async function steps(ctx: Context): Promise<void> {
  const kept = await ctx.run("rich", async () => ({
    at: new Date(),
    names: new Map([["a", new Set([1n])]]),
  }));
  assert.ok(kept.at.getTime() > 0 && kept.names.get("a"));
  // @ts-expect-error: a function cannot be stored
  await ctx.run("function", () => () => 1);
  // @ts-expect-error: nor one inside of a result
  await ctx.run("method", async () => ({ close: () => {} }));
  // @ts-expect-error: nor a promise inside of one
  await ctx.run("promise", () => ({ later: Promise.resolve(1) }));
  // @ts-expect-error: the undo function gets the result of the step
  await ctx.run("undo", () => 1, { undo: (result: string | undefined) => result });
  await ctx.run("undo", () => 1, { undo: (result) => result?.toFixed() });
}

async function fromOutside(): Promise<void> {
  const client = connect({ url: "http://localhost:1" });
  await client.promise(release, "r1", "approval").resolve({ ok: true });
  // @ts-expect-error: not declared
  await client.promise(release, "r1", "aproval").resolve({ ok: true });
  // @ts-expect-error: the payload says `ok`
  await client.promise(release, "r1", "approval").resolve({ okay: true });
  // @ts-expect-error: a workflow's main handler has promises, others have not
  await client.promise(counter.add, "visits", "approval").peek();
  const run = client.workflow(release, "r1");
  await run.submit({ app: "shop" });
  // @ts-expect-error: `app` is a text
  await run.submit({ app: 1 });
  const outcome: boolean = await run.attach();
  const sum: number = await client.call(counter.add, "visits", 1, { idempotencyKey: "1" });
  // @ts-expect-error: a delay is for sends
  await client.call(counter.add, "visits", 1, { delay: "3d" });
  const handle = await client.send(counter.add, "visits", 1, { delay: "3d" });
  const late: number = await handle.attach();
  assert.ok([outcome, sum, late]);
}

test("the misuses above do not compile", () => {
  assert.ok(calls.length === 1 && steps.length === 1 && fromOutside.length === 0);
});
