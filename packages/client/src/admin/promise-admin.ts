import type { PromiseInfo } from "@holdfast/protocol";

import { PromiseHandle } from "../promise-handle.ts";
import type { Transport } from "../transport.ts";
import { itemsOf, type Listed } from "./listed.ts";

/** Durable promises of workflows, also of those that callers cannot reach. */
export class PromiseAdmin {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** All promises of one run of a workflow, with those that wait for them. */
  async list(workflow: string, key: string): Promise<readonly PromiseInfo[]> {
    return itemsOf(await this.#transport.json<Listed<PromiseInfo>>(["services", workflow, "promises", key]));
  }

  get(workflow: string, key: string, name: string): Promise<PromiseInfo> {
    return this.#transport.json(["services", workflow, "promises", key, name]);
  }

  /** Settles one in an operator's name. */
  handle(
    workflow: string,
    key: string,
    name: string,
  ): Pick<PromiseHandle<unknown, unknown>, "resolve" | "reject"> {
    return new PromiseHandle(this.#transport, ["services", workflow, "promises", key, name]);
  }
}
