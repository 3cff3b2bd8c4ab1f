/** The operators' API. Everything it answers is typed in `@holdfast/protocol`. */
import type {
  ConfigEntryInfo,
  DeploymentInfo,
  HealthInfo,
  LimitInfo,
  PromiseInfo,
  QueryRequest,
  QueryResponse,
  RegisterDeploymentRequest,
  RegisterDeploymentResponse,
  ServiceInfo,
  VersionInfo,
} from "@holdfast/protocol";

import { PromiseHandle } from "../promise-handle.ts";
import type { Transport } from "../transport.ts";
import { InvocationAdmin } from "./invocation-admin.ts";
import { itemsOf, type Listed } from "./listed.ts";
import { StateAdmin } from "./state-admin.ts";

/** A list a row, with the names of the columns. */
const TABLE_TYPE = "application/vnd.holdfast.table+json";

export class AdminClient {
  readonly deployments: DeploymentAdmin;
  readonly services: ServiceAdmin;
  readonly invocations: InvocationAdmin;
  readonly state: StateAdmin;
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
    this.deployments = new DeploymentAdmin(transport);
    this.services = new ServiceAdmin(transport);
    this.invocations = new InvocationAdmin(transport);
    this.state = new StateAdmin(transport);
  }

  /** @param options.counts Also count invocations by status, which takes time when there are very many. */
  health(options: { readonly counts?: boolean } = {}): Promise<HealthInfo> {
    return this.#transport.json(["health"], { query: { counts: options.counts } });
  }

  version(): Promise<VersionInfo> {
    return this.#transport.json(["version"]);
  }

  async limits(): Promise<readonly LimitInfo[]> {
    return itemsOf(await this.#transport.json<Listed<LimitInfo>>(["limits"]));
  }

  async config(): Promise<readonly ConfigEntryInfo[]> {
    return itemsOf(await this.#transport.json<Listed<ConfigEntryInfo>>(["config"]));
  }

  /**
   * One SELECT over the documented views.
   *
   * @example await admin.query({ query: "SELECT id FROM sys_invocation WHERE status = ?", parameters: ["paused"] });
   */
  query(request: QueryRequest): Promise<QueryResponse> {
    const body = new TextEncoder().encode(JSON.stringify(request));
    return this.#transport.json(["query"], { method: "POST", body, headers: { accept: TABLE_TYPE } });
  }

  /** All promises of one run of a workflow, with those that wait for them. */
  async promises(workflow: string, key: string): Promise<readonly PromiseInfo[]> {
    return itemsOf(await this.#transport.json<Listed<PromiseInfo>>(["services", workflow, "promises", key]));
  }

  /** One promise of a workflow. */
  promise(workflow: string, key: string, name: string): Promise<PromiseInfo> {
    return this.#transport.json(["services", workflow, "promises", key, name]);
  }

  /** Settles a promise in an operator's name, also where callers cannot reach the workflow. */
  settlePromise(
    workflow: string,
    key: string,
    name: string,
  ): Pick<PromiseHandle<unknown, unknown>, "resolve" | "reject"> {
    return new PromiseHandle(this.#transport, ["services", workflow, "promises", key, name]);
  }
}

class DeploymentAdmin {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  async list(): Promise<readonly DeploymentInfo[]> {
    return itemsOf(await this.#transport.json<Listed<DeploymentInfo>>(["deployments"]));
  }

  get(id: string): Promise<DeploymentInfo> {
    return this.#transport.json(["deployments", id]);
  }

  /**
   * Makes the services at an address callable. New invocations go there; those that run stay where they are.
   *
   * @example await admin.deployments.register({ url: "http://localhost:9080" });
   */
  register(request: RegisterDeploymentRequest): Promise<RegisterDeploymentResponse> {
    return this.#transport.exchange("POST", ["deployments"], request);
  }

  /** @param options.force Remove it although invocations are bound to it. They pause when they next need it. */
  async remove(id: string, options: { readonly force?: boolean } = {}): Promise<void> {
    await this.#transport.send(["deployments", id], { method: "DELETE", query: { force: options.force } });
  }
}

class ServiceAdmin {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  async list(): Promise<readonly ServiceInfo[]> {
    return itemsOf(await this.#transport.json<Listed<ServiceInfo>>(["services"]));
  }

  get(name: string): Promise<ServiceInfo> {
    return this.#transport.json(["services", name]);
  }
}
