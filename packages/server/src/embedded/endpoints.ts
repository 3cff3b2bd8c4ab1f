/** Service definitions of this process as endpoints that the engine can drive. */
import { endpointOf, type EndpointHost, type HandlerEndpoint, type Servable } from "@holdfast/protocol";

/** All definitions form one endpoint. Its name stays the same over restarts, so invocations find their handlers again. */
const EMBEDDED = "embedded";

export function endpointsOf(
  services: readonly Servable[],
  host?: EndpointHost,
): ReadonlyMap<string, HandlerEndpoint> {
  const [first] = services;
  return first === undefined ? new Map() : new Map([[EMBEDDED, first[endpointOf](services, host)]]);
}
