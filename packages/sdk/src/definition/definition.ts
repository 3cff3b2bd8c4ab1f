/** What a definition is at run time: names, options and functions, without the types. */
import type {
  AnyHandlerRef,
  HandlerKind,
  HandlerManifest,
  Servable,
  ServiceKind,
  ServiceManifest,
} from "@holdfast/protocol";

import type { SchemaRecord, StandardSchema } from "../standard-schema.ts";
import type { AnyHandler, AnySharedHandler } from "./handler.ts";
import { jsonSchemaOf } from "./json-schema.ts";
import { manifestOptions, type ExecutionOptions } from "./options.ts";

/** Key under which a definition keeps its run-time form. Not part of the public interface. */
export const definitionOf: unique symbol = Symbol.for("holdfast.definition") as never;

export interface Definition {
  readonly name: string;
  readonly kind: ServiceKind;
  readonly options: ExecutionOptions;
  readonly handlers: ReadonlyMap<string, DefinedHandler>;
}

export interface DefinedHandler {
  readonly service: string;
  readonly name: string;
  readonly kind: HandlerKind;
  readonly options: ExecutionOptions;
  readonly input: StandardSchema | undefined;
  readonly output: StandardSchema | undefined;
  /** Durable promises of the workflow it belongs to. */
  readonly promises: SchemaRecord | undefined;
  readonly run: (context: never, input: never) => unknown;
}

/** What users write as a handler, with the types forgotten. */
export type WrittenHandler =
  | AnyHandler<never>
  | AnySharedHandler<never>
  | ((context: never, input: never) => unknown);

type SpecWithSchemas = ExecutionOptions & {
  readonly input?: StandardSchema;
  readonly output?: StandardSchema;
};

/** The run-time form of a written handler. `kind` is the kind of handlers that do not say otherwise. */
export function defineHandler(
  place: {
    readonly service: string;
    readonly name: string;
    readonly kind: HandlerKind;
    readonly promises?: SchemaRecord;
  },
  written: WrittenHandler,
): DefinedHandler {
  const { service, name } = place;
  checkName("handler", name);
  const isFunction = typeof written === "function";
  const spec: SpecWithSchemas = isFunction ? {} : written.spec;
  const run = isFunction ? written : "run" in written ? written.run : written.runShared;
  return {
    service,
    name,
    kind: !isFunction && "runShared" in written ? "shared" : place.kind,
    options: spec,
    input: spec.input,
    output: spec.output,
    promises: place.promises,
    run,
  };
}

/** Throws a TypeError unless `name` can be part of an address. */
export function checkName(what: "service" | "handler", name: string): void {
  if (/^[A-Za-z][A-Za-z0-9_.-]*$/.test(name)) return;
  throw new TypeError(
    `"${name}" cannot be the name of a ${what}: begin with a letter and go on with letters, digits, "_", "-" or ".".`,
  );
}

/** The reference that callers pass. The types of arguments and result exist at compile time only. */
export function referenceTo(handler: DefinedHandler, keyOf?: (input: never) => string): AnyHandlerRef {
  const { service, name, kind } = handler;
  const reference: Omit<AnyHandlerRef, "~args" | "~output"> = {
    service,
    handler: name,
    kind,
    ...(keyOf === undefined ? {} : { keyOf }),
  };
  return reference as AnyHandlerRef;
}

/** The run-time forms of what users pass to an endpoint. Throws when something is no definition, or a name is taken twice. */
export function definitionsIn(servables: readonly Servable[]): readonly Definition[] {
  const byName = new Map<string, Definition>();
  for (const [index, servable] of servables.entries()) {
    const definition = (servable as Partial<Record<typeof definitionOf, Definition>>)[definitionOf];
    if (definition === undefined) {
      throw new TypeError(
        `services[${index}] is not a definition: pass what service(), object() or workflow() returned.`,
      );
    }
    if (byName.has(definition.name)) {
      throw new TypeError(
        `Two definitions are called "${definition.name}". One endpoint serves each name once: rename one of them.`,
      );
    }
    byName.set(definition.name, definition);
  }
  return [...byName.values()];
}

export function serviceManifest(definition: Definition): ServiceManifest {
  const { documentation, metadata } = definition.options;
  return {
    ...manifestOptions(definition.options),
    name: definition.name,
    kind: definition.kind,
    ...(documentation === undefined ? {} : { documentation }),
    ...(metadata === undefined ? {} : { metadata }),
    handlers: [...definition.handlers.values()].map(handlerManifest),
  };
}

function handlerManifest(handler: DefinedHandler): HandlerManifest {
  const { documentation, metadata } = handler.options;
  const inputSchema = jsonSchemaOf(handler.input, "input");
  const outputSchema = jsonSchemaOf(handler.output, "output");
  return {
    ...manifestOptions(handler.options),
    name: handler.name,
    kind: handler.kind,
    ...(documentation === undefined ? {} : { documentation }),
    ...(metadata === undefined ? {} : { metadata }),
    ...(inputSchema === undefined ? {} : { inputSchema }),
    ...(outputSchema === undefined ? {} : { outputSchema }),
    ...(handler.kind === "run" ? { promises: promiseSchemas(handler.promises ?? {}) } : {}),
  };
}

function promiseSchemas(promises: SchemaRecord): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(promises).map(([name, schema]) => [name, jsonSchemaOf(schema, "input") ?? true]),
  );
}
