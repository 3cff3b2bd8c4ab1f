/** Programs that nobody thought of: random trees of steps, waits and combinators, replayed from every point. */
import { test } from "node:test";

import { encodeValue, MessageType, type Notification } from "@holdfast/protocol";
import fc from "fast-check";

import type { Context } from "../context.ts";
import { service } from "../definition/service.ts";
import { TerminalError } from "../errors.ts";
import { optionsFor, replayAllPrefixes } from "./prefix-replay.contract.ts";
import { echo } from "./replay-programs.ts";

const PROGRAMS = 250;
const CANCEL: Notification = { type: MessageType.Signal, index: 1, result: { kind: "void" } };

type Leaf = {
  readonly kind:
    | "step"
    | "fails"
    | "flaky"
    | "undone"
    | "sleep"
    | "call"
    | "send"
    | "awakeable"
    | "microtasks";
};
type Branch = {
  readonly kind: "seq" | "all" | "race" | "any" | "settled" | "caught";
  readonly children: readonly Tree[];
};
type Tree = Leaf | Branch;

const leaf: fc.Arbitrary<Leaf> = fc.record({
  kind: fc.constantFrom(
    "step",
    "step",
    "fails",
    "flaky",
    "undone",
    "sleep",
    "call",
    "send",
    "awakeable",
    "microtasks",
  ),
});

const tree: fc.Arbitrary<Tree> = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    leaf,
    fc.record({
      kind: fc.constantFrom("seq", "seq", "all", "race", "any", "settled", "caught"),
      children: fc.array(tie("tree"), { minLength: 1, maxLength: 4 }),
    }),
  ),
})).tree;

/** Runs a tree. The text tells what happened in which order, so that any difference shows. */
async function run(ctx: Context, node: Tree, path: string): Promise<string> {
  switch (node.kind) {
    case "step":
      return ctx.run(path, async () => path);
    case "fails":
      return ctx.run(path, () => Promise.reject<string>(new TerminalError(path)));
    case "flaky":
      return ctx.run(path, ({ attempt }) => flaky(attempt), { retry: { attempts: 5 } });
    case "undone":
      return ctx.run(path, () => path, { undo: (result) => `undo ${result}` });
    case "sleep":
      await ctx.sleep("1s", path);
      return path;
    case "call":
      return ctx.call(echo.back, path);
    case "send":
      return (await ctx.send(echo.back, path)).invocationId;
    case "awakeable":
      return ctx.awakeable<string>().promise;
    case "microtasks":
      for (let index = 0; index < 5; index++) await Promise.resolve();
      return path;
    default:
      return combine(ctx, node, path);
  }
}

async function combine(ctx: Context, { kind, children }: Branch, path: string): Promise<string> {
  const start = (): Array<Promise<string>> =>
    children.map((child, index) => run(ctx, child, `${path}.${index}`));
  switch (kind) {
    case "seq": {
      let text = "";
      for (const [index, child] of children.entries()) text += await run(ctx, child, `${path}.${index}`);
      return text;
    }
    case "all":
      return (await Promise.all(start())).join("+");
    case "race":
      return Promise.race(start());
    case "any":
      try {
        return await Promise.any(start());
      } catch (error) {
        if (error instanceof AggregateError) throw new TerminalError(`none of ${path}`);
        throw error;
      }
    case "settled":
      return (await Promise.allSettled(start())).map(({ status }) => status).join("|");
    case "caught":
      try {
        return (await Promise.all(start())).join("+");
      } catch (error) {
        if (!(error instanceof TerminalError)) throw error;
        return `caught ${error.name} ${error.message}`;
      }
  }
}

function flaky(attempt: number): string {
  if (attempt < 3) throw new Error(`failed execution ${attempt}`);
  return "at last";
}

function awakeables(node: Tree): number {
  if (!("children" in node)) return node.kind === "awakeable" ? 1 : 0;
  return node.children.reduce((sum, child) => sum + awakeables(child), 0);
}

function awake(index: number): Notification {
  return {
    type: MessageType.Signal,
    index: 17 + index,
    result: { kind: "value", value: encodeValue(`awake ${index}`) },
  };
}

test("random programs end like the first time from any point of their journals", async () => {
  await fc.assert(
    fc.asyncProperty(
      tree,
      fc.infiniteStream(fc.nat({ max: 9 })),
      fc.record({ inBatches: fc.boolean(), cancelled: fc.boolean(), parks: fc.boolean() }),
      async (program, choices, { inBatches, cancelled, parks }) => {
        const definition = service("program", { run: (ctx) => run(ctx, program, "p") });
        const signals = Array.from({ length: awakeables(program) }, (_, index) => awake(index));
        if (cancelled) signals.push(CANCEL);
        const options = optionsFor(
          {
            name: "random",
            definition,
            service: "program",
            handler: "run",
            signals,
          },
          parks ? 0 : undefined,
        );
        await replayAllPrefixes({ ...options, inBatches }, choices);
      },
    ),
    { numRuns: PROGRAMS, seed: 20_301 },
  );
});
