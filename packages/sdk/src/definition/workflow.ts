import type { Servable, WorkflowRef } from "@holdfast/protocol";

import type { StateOf, StateViewOf, WorkflowContext, WorkflowSharedContext } from "../context.ts";
import type { SchemaRecord } from "../standard-schema.ts";
import {
  checkName,
  defineHandler,
  definitionOf,
  referenceTo,
  type Definition,
  type WrittenHandler,
} from "./definition.ts";
import type { AnyHandler, HandlerFunction, HandlerSpec } from "./handler.ts";
import type { InputArgs, References } from "./references.ts";
import { servable } from "./servable.ts";

/** Name of a workflow's main handler in addresses: `POST /{workflow}/{key}/run`. */
export const MAIN_HANDLER = "run";

export interface WorkflowOptions<
  CallerInput,
  Input,
  Output,
  CallerOutput,
  Promises,
  Schemas,
> extends HandlerSpec<CallerInput, Input, Output, CallerOutput> {
  /** The durable promises of the workflow, by name, each with the schema of its payload. */
  readonly promises?: Promises;
  /** Types of the state, by key. */
  readonly state?: Schemas;
}

type WithKey<Input> = {
  /** How the key follows from the input. Callers then pass only the input. */
  readonly key: (input: NoInfer<Input>) => string;
};
type WithoutKey = { readonly key?: undefined };

type SharedHandlers<Promises, Schemas extends SchemaRecord> = Readonly<
  Record<
    string,
    | AnyHandler<WorkflowSharedContext<Promises, StateViewOf<Schemas>>>
    | HandlerFunction<WorkflowSharedContext<Promises, StateViewOf<Schemas>>>
  >
>;

/** A workflow: itself the reference to its main handler; its other handlers are in `handlers`. */
export type WorkflowDefinition<Args extends readonly unknown[], Output, Promises, Handlers> = WorkflowRef<
  Args,
  Output,
  Promises
> &
  Servable & { readonly handlers: References<Handlers, [key: string]> };

/**
 * A workflow: a main handler that runs once per key, with durable promises and state of its own, and shared handlers
 * that look at it or settle its promises while it runs.
 *
 * @param name What callers over HTTP use: `POST /{name}/{key}/run`.
 * @param handlers Run beside the main handler and after it. May read state, settle promises and wait for them.
 * @throws TypeError for a name that cannot be. Options are checked when an endpoint is made of the definition.
 * @example
 * export const release = workflow("release", { input: Release, promises: { approval: z.object({ by: z.string() }) } },
 *   async (ctx, release) => {
 *     const image = await ctx.run("build", () => build(release));
 *     const approval = await ctx.promise("approval").get({ timeout: "24h" });
 *     if (!approval.ok) throw new TerminalError("nobody approved in time");
 *     await ctx.run("switch", () => switchTraffic(image));
 *   },
 *   { approve: (ctx, by: string) => ctx.promise("approval").resolve({ by }) },
 * );
 */
export function workflow<
  Input = undefined,
  Output = void,
  Promises extends SchemaRecord = {},
  Schemas extends SchemaRecord = SchemaRecord,
  Handlers = {},
  CallerInput = Input,
  CallerOutput = Output,
>(
  name: string,
  options: WorkflowOptions<CallerInput, Input, Output, CallerOutput, Promises, Schemas> &
    WithKey<CallerInput>,
  run: (context: WorkflowContext<Promises, StateOf<Schemas>>, input: Input) => Output | Promise<Output>,
  handlers?: Handlers & SharedHandlers<Promises, Schemas>,
): WorkflowDefinition<InputArgs<CallerInput>, CallerOutput, Promises, Handlers>;
export function workflow<
  Input = undefined,
  Output = void,
  Promises extends SchemaRecord = {},
  Schemas extends SchemaRecord = SchemaRecord,
  Handlers = {},
  CallerInput = Input,
  CallerOutput = Output,
>(
  name: string,
  options: WorkflowOptions<CallerInput, Input, Output, CallerOutput, Promises, Schemas> & WithoutKey,
  run: (context: WorkflowContext<Promises, StateOf<Schemas>>, input: Input) => Output | Promise<Output>,
  handlers?: Handlers & SharedHandlers<Promises, Schemas>,
): WorkflowDefinition<[key: string, ...InputArgs<CallerInput>], CallerOutput, Promises, Handlers>;
export function workflow(
  name: string,
  options: WorkflowOptions<unknown, unknown, unknown, unknown, SchemaRecord, SchemaRecord> & {
    readonly key?: ((input: never) => string) | undefined;
  },
  run: (context: never, input: never) => unknown,
  handlers: object = {},
): object {
  checkName("service", name);
  const promises = options.promises ?? {};
  const main = defineHandler(
    { service: name, name: MAIN_HANDLER, kind: "run", promises },
    { spec: options, run },
  );
  const others = Object.entries(handlers as Readonly<Record<string, WrittenHandler>>).map(
    ([handlerName, written]) => {
      if (handlerName === MAIN_HANDLER) {
        throw new TypeError(
          `Workflow "${name}": the name "${MAIN_HANDLER}" is taken by the main handler. Rename the shared one.`,
        );
      }
      return defineHandler({ service: name, name: handlerName, kind: "shared", promises }, written);
    },
  );
  const all = new Map([main, ...others].map((handler) => [handler.name, handler]));
  const { documentation, metadata } = options;
  const about = {
    ...(documentation === undefined ? {} : { documentation }),
    ...(metadata === undefined ? {} : { metadata }),
  };
  const definition: Definition = { name, kind: "workflow", options: about, handlers: all };
  return servable({
    ...referenceTo(main, options.key),
    handlers: Object.fromEntries(others.map((handler) => [handler.name, referenceTo(handler)])),
    [definitionOf]: definition,
  });
}
