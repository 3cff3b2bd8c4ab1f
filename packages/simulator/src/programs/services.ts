/** The definitions whose handlers interpret programs: what a simulated deployment serves. */
import { handler, object, service, shared, workflow } from "@holdfast/sdk";
import type {
  Context,
  ExecutionOptions,
  NamedPromise,
  ObjectContext,
  Servable,
  SharedContext,
  StandardSchema,
} from "@holdfast/sdk";

import { cellService } from "./cell.ts";
import type { ProgramHost } from "./host.ts";
import { interpretBody } from "./interpret.ts";
import { OwnWrites } from "./own-writes.ts";
import { PROMISE_NAMES, type Program } from "./program.ts";
import type { Scope } from "./scope.ts";

/** Two deployments of the same handlers: one is sent its state, the other asks for it and is soon asked to suspend. */
export type ServicesVersion = 1 | 2;

const text: StandardSchema<string> = { "~standard": { validate: (value) => ({ value }) } };
const promises: Readonly<Record<string, StandardSchema<string>>> = Object.fromEntries(
  PROMISE_NAMES.map((name) => [name, text]),
);

/** So often that no fault which ends some day exhausts it, and seldom enough for a lock that is held for days. */
const RETRY = { attempts: 500, initial: "100ms", factor: 3, max: "20m" } as const;

const OPTIONS: Readonly<Record<ServicesVersion, ExecutionOptions>> = {
  1: { retry: RETRY },
  2: { retry: RETRY, lazyState: true, inactivityTimeout: "5s", documentation: "The second version" },
};

/**
 * The service `plain`, the objects `thing` and `cell`, and the workflow `flow`, all in one endpoint.
 *
 * @param host What the handlers are told apart by is in the context; the host is one for the whole world.
 */
export function programServices(host: ProgramHost, version: ServicesVersion = 1): readonly Servable[] {
  const options = OPTIONS[version];
  const plain = service("plain", options, {
    go: (ctx: Context, program: Program) => run({ ctx, host, given: program.given ?? {} }, program),
  });
  const exclusive = (ctx: ObjectContext, program: Program): Promise<unknown> =>
    run(
      {
        ctx,
        host,
        given: program.given ?? {},
        view: ctx.state,
        state: ctx.state,
        writes: new OwnWrites(),
      },
      program,
    );
  const thing = object("thing", options, {
    go: exclusive,
    pull: handler({ lazyState: version === 1 }, exclusive),
    look: shared({}, (ctx: SharedContext, program: Program) =>
      run({ ctx, host, given: program.given ?? {}, view: ctx.state }, program),
    ),
  });
  const flow = workflow(
    "flow",
    { ...options, promises },
    (ctx, program: Program) =>
      run(
        {
          ctx,
          host,
          given: program.given ?? {},
          view: ctx.state,
          state: ctx.state,
          writes: new OwnWrites(),
          promise: (name) => promiseOf(ctx, name),
        },
        program,
      ),
    {
      aside: handler(options, (ctx, program: Program) =>
        run(
          {
            ctx,
            host,
            given: program.given ?? {},
            view: ctx.state,
            promise: (name) => promiseOf(ctx, name),
          },
          program,
        ),
      ),
    },
  );
  return [plain, thing, flow, cellService(options)];
}

function run(scope: Scope, program: Program): Promise<unknown> {
  return interpretBody(scope, program.body, "");
}

function promiseOf(
  ctx: { promise(name: string): NamedPromise<string, string> },
  name: string,
): NamedPromise<string, string> {
  return ctx.promise(name);
}
