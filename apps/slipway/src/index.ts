/** The durable part of Slipway, for programs that bring their own builder, store, regions and edge. */
export { defineServices, servablesOf, type Ports, type Services } from "./durable/services.ts";
export type { DeployRequest, DeployResult } from "./durable/deploy.ts";
