/**
 * An object that clients can judge from outside: a number that is added to, set and read. Every handler is exclusive, so whatever
 * happened at the same time must have happened in some order, and each answer must fit it (EXT-3).
 */
import { object, type ExecutionOptions, type ObjectContext, type Servable } from "@holdfast/sdk";

const VALUE = "value";

export function cellService(options: ExecutionOptions): Servable {
  return object("cell", options, {
    add: async (ctx: ObjectContext, amount: number) => {
      const value = ((await ctx.state.get<number>(VALUE)) ?? 0) + amount;
      ctx.state.set(VALUE, value);
      return value;
    },
    set: (ctx: ObjectContext, value: number) => {
      ctx.state.set(VALUE, value);
      return Promise.resolve(value);
    },
    get: async (ctx: ObjectContext) => (await ctx.state.get<number>(VALUE)) ?? null,
  });
}
