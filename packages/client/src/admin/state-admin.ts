import type {
  Page,
  StateChangeRequest,
  StateChangeResponse,
  StateInfo,
  StateKeyInfo,
} from "@holdfast/protocol";

import type { Transport } from "../transport.ts";

export class StateAdmin {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** One page of the keys of an object or workflow that have state. */
  list(
    service: string,
    options: { readonly limit?: number; readonly cursor?: string } = {},
  ): Promise<Page<StateKeyInfo>> {
    return this.#transport.json(["services", service, "state"], { query: { ...options } });
  }

  get(service: string, key: string): Promise<StateInfo> {
    return this.#transport.json(["services", service, "state", key]);
  }

  /**
   * Changes the given entries and leaves the others as they are.
   *
   * @example await admin.state.patch("counter", "visits", { entries: { count: 0 }, expectedVersion: 7 });
   */
  patch(service: string, key: string, change: StateChangeRequest): Promise<StateChangeResponse> {
    return this.#transport.exchange("PATCH", ["services", service, "state", key], change);
  }

  /** Replaces everything. */
  replace(
    service: string,
    key: string,
    change: Omit<StateChangeRequest, "remove">,
  ): Promise<StateChangeResponse> {
    return this.#transport.exchange("PUT", ["services", service, "state", key], change);
  }

  /** Forgets everything of a key. */
  clear(
    service: string,
    key: string,
    options: { readonly expectedVersion?: number } = {},
  ): Promise<StateChangeResponse> {
    const request = { method: "DELETE", query: { ...options } };
    return this.#transport.json(["services", service, "state", key], request);
  }
}
