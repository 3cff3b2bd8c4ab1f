/** The services under load. Each writes into the ledger what a promise of the engine will be held against. */
import { object, service, workflow, type StandardSchema } from "@holdfast/sdk";

import type { LedgerWriter } from "./ledger-file.ts";

const STEPS = 4;

const anyText: StandardSchema<string> = {
  "~standard": {
    validate: (value) =>
      typeof value === "string" ? { value } : { issues: [{ message: "a text is expected" }] },
  },
};

export function workloadServices(ledger: LedgerWriter) {
  let serial = 0;
  // Another execution of the same step gives another result, so a result that changes is noticed.
  const unique = (): string => `${process.pid}-${(serial += 1)}`;

  const counter = object("counter", {
    add: async (ctx, _tag: string) => {
      const value = ((await ctx.state.get<number>("value")) ?? 0) + 1;
      ctx.state.set("value", value);
      ledger.add({ kind: "counted", invocation: ctx.invocationId, counter: ctx.key, value });
      return value;
    },
  });

  const flow = service("flow", {
    steps: async (ctx, tag: string) => {
      const results: string[] = [];
      for (let i = 0; i < STEPS; i++) {
        const step = `${ctx.invocationId}/${i}`;
        const result = await ctx.run(`step-${i}`, () => {
          ledger.add({ kind: "executed", step });
          return unique();
        });
        ledger.add({ kind: "observed", step, result });
        results.push(result);
      }
      return { tag, results };
    },
    nap: async (ctx, ms: number) => {
      const due = await ctx.run("due", () => Date.now() + ms);
      await ctx.sleep(`${ms}ms`);
      ledger.add({ kind: "woke", invocation: ctx.invocationId, early: due - Date.now() });
      return "rested";
    },
    /** A step that succeeds at its second execution. */
    flaky: async (ctx, tag: string) => {
      const step = `${ctx.invocationId}/flaky`;
      const execute = ({ attempt }: { readonly attempt: number }): string => {
        ledger.add({ kind: "executed", step });
        if (attempt === 1) throw new Error("the first execution fails");
        return unique();
      };
      const result = await ctx.run("flaky", execute, { retry: { initial: "50ms" } });
      ledger.add({ kind: "observed", step, result });
      return tag;
    },
    /** Takes a large input and answers briefly. */
    swallow: async (_ctx, text: string) => text.length,
    /** Calls an object and waits for it: two invocations whose outcomes belong together. */
    relay: async (ctx, key: string) => {
      const value = await ctx.call(counter.add, key, "relay");
      return await ctx.run("note", () => value);
    },
  });

  const gate = workflow("gate", { promises: { go: anyText } }, (ctx) => ctx.promise("go"));

  return [counter, flow, gate];
}
