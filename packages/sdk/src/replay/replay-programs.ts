/** Handlers that put the order of things to the test, for tests that replay them from every point. */
import { encodeValue, MessageType, type Notification, type Servable } from "@holdfast/protocol";

import type { Context, WorkflowContext } from "../context.ts";
import { object, service } from "../definition/service.ts";
import { workflow } from "../definition/workflow.ts";
import { CancelledError, TerminalError } from "../errors.ts";
import type { StandardSchema } from "../standard-schema.ts";

export interface ReplayProgram {
  readonly name: string;
  readonly definition: Servable;
  readonly service: string;
  readonly handler: string;
  readonly signals?: readonly Notification[];
}

const CANCEL: Notification = { type: MessageType.Signal, index: 1, result: { kind: "void" } };
const anything: StandardSchema<string, string> = {
  "~standard": { validate: (value) => ({ value }) },
};

export const echo = service("echo", { back: async (_ctx, text: string) => text });

/** Every program tells what it saw in its result, so a different order is a different outcome. */
function program(
  name: string,
  run: (ctx: Context) => Promise<unknown>,
  signals: readonly Notification[] = [],
): ReplayProgram {
  return { name, definition: service("program", { run }), service: "program", handler: "run", signals };
}

const named = (name: string, value: unknown): Notification => ({
  type: MessageType.Signal,
  signalName: name,
  result: { kind: "value", value: encodeValue(value) },
});

async function settled(promise: Promise<unknown>): Promise<unknown> {
  try {
    return await promise;
  } catch (error) {
    return error instanceof Error ? `${error.name}: ${error.message}` : error;
  }
}

const step = (ctx: Context, name: string): Promise<string> => ctx.run(name, async () => name);

export const replayPrograms: readonly ReplayProgram[] = [
  program("steps one after another", async (ctx) => {
    let text = "";
    for (let index = 0; index < 5; index++) text += await ctx.run(`step ${index}`, () => index);
    return text;
  }),
  program("Promise.all of steps, a sleep and a call", (ctx) =>
    Promise.all([step(ctx, "a"), ctx.sleep("1s"), step(ctx, "b"), ctx.call(echo.back, "c")]),
  ),
  program("Promise.race, then a step by the winner", async (ctx) => {
    const winner = await Promise.race([step(ctx, "a"), step(ctx, "b"), ctx.sleep("1s").then(() => "sleep")]);
    return [winner, await step(ctx, `after ${winner}`)];
  }),
  program("Promise.any over failures", async (ctx) => {
    const failing = (name: string): Promise<string> =>
      ctx.run(name, () => {
        throw new TerminalError(name);
      });
    const first = await settled(Promise.any([failing("a"), ctx.call(echo.back, "b"), step(ctx, "c")]));
    const none = await settled(Promise.any([failing("d"), failing("e")]));
    return [first, none];
  }),
  program("Promise.allSettled, twice over the same promises", async (ctx) => {
    const promises = [
      step(ctx, "a"),
      ctx.run("b", () => Promise.reject(new TerminalError("no"))),
      step(ctx, "c"),
    ];
    const order: string[] = [];
    for (const [index, promise] of promises.entries()) {
      promise.then(
        () => order.push(`${index} fulfilled`),
        () => order.push(`${index} rejected`),
      );
    }
    const outcomes = await Promise.allSettled(promises);
    return [order, outcomes.map(({ status }) => status), (await Promise.allSettled(promises)).length];
  }),
  program("branches with different depths of microtasks", async (ctx) => {
    const order: string[] = [];
    const branch = async (name: string, depth: number): Promise<void> => {
      await step(ctx, name);
      for (let index = 0; index < depth; index++) await Promise.resolve();
      order.push(name);
      const place = order.length;
      await ctx.run(`${name} as ${place}`, () => place);
    };
    await Promise.all([branch("a", 9), branch("b", 0), branch("c", 4)]);
    return order;
  }),
  program("failures that are caught", async (ctx) => {
    const first = await settled(
      ctx.run("fails", () => Promise.reject(new TerminalError("no", { data: { why: 1n } }))),
    );
    return [first, await step(ctx, "after")];
  }),
  program(
    "awakeables and signals in any order",
    async (ctx) => {
      const { promise } = ctx.awakeable();
      const both = await Promise.all([promise, ctx.signal("go"), step(ctx, "a")]);
      return [both, await ctx.signal("go"), await ctx.signal("go", { timeout: "1s" })];
    },
    [
      named("go", 1),
      { type: MessageType.Signal, index: 17, result: { kind: "value", value: encodeValue("awake") } },
      named("go", 2),
    ],
  ),
  program(
    "a cancel that is caught, and cleaning up",
    async (ctx) => {
      const outcome = await settled(Promise.all([step(ctx, "a"), ctx.call(echo.back, "b"), ctx.sleep("1s")]));
      const cleanedUp = await settled(step(ctx, "clean up"));
      return [outcome, cleanedUp];
    },
    [CANCEL],
  ),
  program(
    "a cancel that ends the handler, with steps to undo",
    async (ctx) => {
      const undo = { undo: () => "undone" };
      await ctx.run("a", () => 1, undo);
      await Promise.all([ctx.run("b", () => 2, undo), ctx.run("c", async () => 3, undo)]);
      await ctx.sleep("1s");
      return "not cancelled";
    },
    [CANCEL],
  ),
  program("undo after a failure, with one step that failed and one that cannot be undone", async (ctx) => {
    await ctx.run("a", () => "A", { undo: (result) => `undo ${result}` });
    const failing = (): never => {
      throw new TerminalError("nothing to undo");
    };
    await settled(ctx.run("b", failing, { undo: () => "never" }));
    await ctx.run("c", () => "C", { undo: () => Promise.reject(new TerminalError("stuck")) });
    throw new TerminalError("over", { code: "over", data: [new Date(0)] });
  }),
  program("sends, their handles, and other people's invocations", async (ctx) => {
    const handle = await ctx.send(echo.back, "x", { delay: "3d", id: "once" });
    const moved = await handle.reschedule("1h");
    handle.cancel();
    ctx.sendSignal("inv_other", "poke", { n: 1 });
    ctx.resolveAwakeable("sign_other", "value");
    ctx.rejectAwakeable("sign_third", "no");
    return [handle.invocationId, moved, ctx.random(), ctx.uuid(), await ctx.date.now()];
  }),
  program("un-awaited work that is awaited later", async (ctx) => {
    const early = step(ctx, "early");
    const slow = ctx.call(echo.back, "slow");
    const between = await step(ctx, "between");
    return [between, await slow, await early];
  }),
  {
    name: "state of an object",
    definition: object("program", {
      run: async (ctx) => {
        const before = await ctx.state.get("count");
        ctx.state.set("count", 7);
        const keys = await ctx.state.keys();
        await ctx.run("between", () => 1);
        ctx.state.clear("other");
        const after = [await ctx.state.get("count"), await ctx.state.get("other")];
        ctx.state.clearAll();
        return [before, keys, after, await ctx.state.keys(), await ctx.state.get("count")];
      },
    }),
    service: "program",
    handler: "run",
  },
  {
    name: "promises of a workflow",
    definition: workflow(
      "program",
      { promises: { held: anything, open: anything, refused: anything } },
      waitForPromises,
    ),
    service: "program",
    handler: "run",
  },
];

async function waitForPromises(
  ctx: WorkflowContext<{ held: typeof anything; open: typeof anything; refused: typeof anything }>,
): Promise<unknown> {
  const [held, open, refused] = await Promise.all([
    ctx.promise("held").get({ timeout: "1s" }),
    ctx.promise("open").get({ timeout: "1s" }),
    settled(Promise.resolve(ctx.promise("refused"))),
  ]);
  const second = await ctx.promise("held").resolve("again");
  return [held.ok, open.ok, refused, second.first, await ctx.promise("open").peek()];
}

export function isCancelled(error: unknown): boolean {
  return error instanceof CancelledError;
}
