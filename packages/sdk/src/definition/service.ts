import type { Servable } from "@holdfast/protocol";

import type { Context, ObjectContext, SharedContext, StateOf, StateViewOf } from "../context.ts";
import type { SchemaRecord } from "../standard-schema.ts";
import {
  defineHandler,
  definitionOf,
  referenceTo,
  type Definition,
  type WrittenHandler,
} from "./definition.ts";
import { checkName } from "./definition.ts";
import type { AnyHandler, AnySharedHandler, HandlerFunction } from "./handler.ts";
import type { ExecutionOptions } from "./options.ts";
import type { References } from "./references.ts";
import { servable } from "./servable.ts";

/** A definition: what endpoints serve, and one reference per handler for callers. */
export type ServiceDefinition<Handlers> = References<Handlers, []> & Servable;
export type ObjectDefinition<Handlers> = References<Handlers, [key: string]> & Servable;

type ServiceHandlers = Readonly<Record<string, AnyHandler<Context> | HandlerFunction<Context>>>;

type ObjectHandlers<Schemas extends SchemaRecord> = Readonly<
  Record<
    string,
    | AnyHandler<ObjectContext<StateOf<Schemas>>>
    | AnySharedHandler<SharedContext<StateViewOf<Schemas>>>
    | HandlerFunction<ObjectContext<StateOf<Schemas>>>
  >
>;

/**
 * A service: handlers without a key, any number of which run at the same time.
 *
 * @param name What callers over HTTP use: `POST /{name}/{handler}`. Also part of the journal: renaming it makes a new service.
 * @throws TypeError for a name that cannot be. Options are checked when an endpoint is made of the definition.
 * @example
 * export const mail = service("mail", {
 *   send: async (ctx, to: string) => ctx.run("send", () => smtp.send(to)),
 * });
 * await ctx.call(mail.send, "kim@example.com");
 */
export function service<Handlers extends ServiceHandlers>(
  name: string,
  handlers: Handlers,
): ServiceDefinition<Handlers>;
export function service<Handlers extends ServiceHandlers>(
  name: string,
  options: ExecutionOptions,
  handlers: Handlers,
): ServiceDefinition<Handlers>;
export function service(name: string, first: object, second?: object): object {
  return define("service", name, first, second);
}

export interface ObjectOptions<Schemas extends SchemaRecord> extends ExecutionOptions {
  /** Types of the state, by key. Without it the state is open: any key, any value that can be stored. */
  readonly state?: Schemas;
}

/**
 * A virtual object: state and handlers per key. Handlers are exclusive, one at a time for each key; those made by
 * `shared` run beside them and only read.
 *
 * @param name What callers over HTTP use: `POST /{name}/{key}/{handler}`.
 * @throws TypeError for a name that cannot be. Options are checked when an endpoint is made of the definition.
 * @example
 * export const counter = object("counter", { state: { count: z.number() } }, {
 *   add: async (ctx, amount: number) => {
 *     const count = ((await ctx.state.get("count")) ?? 0) + amount;
 *     ctx.state.set("count", count);
 *     return count;
 *   },
 * });
 * await ctx.call(counter.add, "visits", 1);
 */
export function object<Handlers extends ObjectHandlers<SchemaRecord>>(
  name: string,
  handlers: Handlers,
): ObjectDefinition<Handlers>;
export function object<Handlers extends ObjectHandlers<Schemas>, Schemas extends SchemaRecord = SchemaRecord>(
  name: string,
  options: ObjectOptions<Schemas>,
  handlers: Handlers,
): ObjectDefinition<Handlers>;
export function object(name: string, first: object, second?: object): object {
  return define("object", name, first, second);
}

function define(kind: "service" | "object", name: string, first: object, second: object | undefined): object {
  checkName("service", name);
  const options: ExecutionOptions = second === undefined ? {} : first;
  const written = (second ?? first) as Readonly<Record<string, WrittenHandler>>;
  const handlers = new Map(
    Object.entries(written).map(([handlerName, handler]) => [
      handlerName,
      defineHandler(
        { service: name, name: handlerName, kind: kind === "service" ? "plain" : "exclusive" },
        handler,
      ),
    ]),
  );
  const definition: Definition = { name, kind, options, handlers };
  const references = [...handlers].map(
    ([handlerName, handler]) => [handlerName, referenceTo(handler)] as const,
  );
  return servable({ ...Object.fromEntries(references), [definitionOf]: definition });
}
