import { endpointOf, type EndpointHost, type HandlerEndpoint, type Servable } from "@holdfast/protocol";

import { inProcessEndpoint } from "../endpoint/in-process.ts";
import type { Environment } from "../replay/environment.ts";

/** Adds what an embedding server looks for. Not enumerable: people who print a definition want its handlers. */
export function servable<Parts extends object>(parts: Parts): Parts & Servable {
  return Object.defineProperty(parts, endpointOf, { value: endpointIn }) as Parts & Servable;
}

function endpointIn(definitions: readonly Servable[], host?: EndpointHost): HandlerEndpoint {
  return inProcessEndpoint(definitions, {}, host === undefined ? {} : clockOf(host));
}

function clockOf(host: EndpointHost): Partial<Environment> {
  return { now: () => host.now(), timers: { set: (ms, callback) => host.after(ms, callback) } };
}
