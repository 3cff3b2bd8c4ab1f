/** Short ways to write manifests and addresses. */
import type {
  EndpointManifest,
  HandlerKind,
  HandlerManifest,
  HandlerOptions,
  ServiceManifest,
} from "@holdfast/protocol";

/** A plain service with these handlers. */
export function service(
  name: string,
  handlers: readonly string[],
  options: HandlerOptions = {},
): ServiceManifest {
  return {
    name,
    kind: "service",
    handlers: handlers.map((handler) => ({ name: handler, kind: "plain" })),
    ...options,
  };
}

/** A virtual object. A handler whose name begins with "shared " is shared. */
export function object(
  name: string,
  handlers: readonly string[],
  options: HandlerOptions = {},
): ServiceManifest {
  return {
    name,
    kind: "object",
    handlers: handlers.map((handler) => keyed(handler, "exclusive")),
    ...options,
  };
}

/** A workflow with `run` and these shared handlers. */
export function workflow(
  name: string,
  shared: readonly string[],
  options: HandlerOptions = {},
): ServiceManifest {
  const run: HandlerManifest = { name: "run", kind: "run" };
  return {
    name,
    kind: "workflow",
    handlers: [run, ...shared.map((handler) => keyed(handler, "shared"))],
    ...options,
  };
}

const SHARED_PREFIX = "shared ";

function keyed(handler: string, kind: HandlerKind): HandlerManifest {
  return handler.startsWith(SHARED_PREFIX)
    ? { name: handler.slice(SHARED_PREFIX.length), kind: "shared" }
    : { name: handler, kind };
}

export function endpoint(services: readonly ServiceManifest[]): EndpointManifest {
  return { wires: ["in-process"], sdk: "test", runtime: "test", services };
}

export type Address = { readonly service: string; readonly key: string; readonly handler: string };

/** Reads "service/handler" or "service/key/handler". */
export function parseAddress(text: string): Address {
  const [serviceName = "", ...rest] = text.split("/");
  const handler = rest.pop() ?? "";
  return { service: serviceName, key: rest.join("/"), handler };
}

/** The id of a workflow's run. */
export function runId(service: string, key: string): string {
  return `wf:${service}/${key}`;
}

const encoder = new TextEncoder();

export function bytesOf(text: string): Uint8Array {
  return encoder.encode(text);
}
