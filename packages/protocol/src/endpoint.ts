/**
 * The seam between whoever drives handlers (the engine's invoker) and whoever runs them (an SDK), independent of the wire.
 * The in-process wire is exactly this; the native wire is this over one multiplexed connection.
 */

import type { EndpointManifest } from "./manifest.ts";
import type { EngineMessage, SdkMessage, StartMessage } from "./message.ts";

/** The engine's end of one session, as the SDK sees it. Calls never throw and never re-enter the SDK synchronously. */
export interface EngineEnd {
  /** Messages of one session arrive in the order they were sent. After Suspension, Error or End nothing may follow. */
  receive(message: SdkMessage): void;
  /** The SDK's side is gone without having said Suspension, Error or End. Called at most once. */
  closed(reason: string): void;
}

/** The SDK's end of one session, as the engine sees it. Calls never throw and never re-enter the engine synchronously. */
export interface SdkEnd {
  /** The journal follows Start at once; then notifications, acknowledgements and suspend requests as they become durable. */
  receive(message: EngineMessage): void;
  /** The attempt is over for the engine (killed, paused, aborted, shut down): abort signals fire, nothing sent later counts. */
  abort(reason: string): void;
}

/** A set of handlers that can be driven. Implemented by the SDK in-process, and by a connection to a remote SDK. */
export interface HandlerEndpoint {
  readonly manifest: EndpointManifest;
  /** Opens a session for one attempt. `start` is delivered by this call; journal messages follow through `receive`. */
  open(start: StartMessage, engine: EngineEnd): SdkEnd;
}

/** What an embedding engine lends its handlers: its clock, so that where time is virtual it is so in steps' retries too. */
export interface EndpointHost {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Calls `wake` once after `ms`. Returns how to call it off. */
  after(ms: number, wake: () => void): () => void;
}

/**
 * Key under which every service definition of an SDK offers to become an endpoint. An embedding server calls
 * `definitions[0][endpointOf](definitions)`; so the server needs no import of the SDK.
 */
export const endpointOf: unique symbol = Symbol.for("holdfast.endpointOf") as never;

/** A definition made by `service()`, `object()` or `workflow()` of an SDK, as an embedding server sees it. */
export interface Servable {
  readonly [endpointOf]: (definitions: readonly Servable[], host?: EndpointHost) => HandlerEndpoint;
}
