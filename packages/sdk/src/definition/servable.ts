import { endpointOf, type EndpointHost, type HandlerEndpoint, type Servable } from "@holdfast/protocol";

import { inProcessEndpoint } from "../endpoint/in-process.ts";

/** Adds what an embedding server looks for. Not enumerable: people who print a definition want its handlers. */
export function servable<Parts extends object>(parts: Parts): Parts & Servable {
  return Object.defineProperty(parts, endpointOf, { value: embeddedEndpoint }) as Parts & Servable;
}

/** The embedding engine's clock, where it lends one, is also the clock of steps' timeouts and retries. */
function embeddedEndpoint(definitions: readonly Servable[], host?: EndpointHost): HandlerEndpoint {
  if (host === undefined) return inProcessEndpoint(definitions);
  const clock = {
    now: () => host.now(),
    timers: { set: (ms: number, wake: () => void) => host.after(ms, wake) },
  };
  return inProcessEndpoint(definitions, {}, clock);
}
