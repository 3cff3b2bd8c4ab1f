/** Calling handlers from outside, over HTTP. Runs wherever there is `fetch`. */
import {
  IngressHeader,
  type AnyHandlerRef,
  type ArgsOf,
  type Duration,
  type IngressHealth,
  type OutputOfRef,
  type SendResponse,
} from "@holdfast/protocol";

import { addressOf } from "./address.ts";
import { AdminClient } from "./admin/admin-client.ts";
import { InvocationHandle, WorkflowHandle } from "./invocation-handle.ts";
import {
  promisePath,
  PromiseHandle,
  type AnyWorkflowRef,
  type PromiseNames,
  type PayloadOf,
} from "./promise-handle.ts";
import { bodyOf, Transport } from "./transport.ts";

export interface ConnectOptions {
  /** Where callers reach Holdfast. Default "http://localhost:8080". */
  readonly url?: string;
  /** Where operators do. Default "http://localhost:9070". */
  readonly adminUrl?: string;
  /** Sent with every request, e.g. for a proxy's authentication. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Token of the callers' API, sent to `url` only. */
  readonly token?: string;
  /** Token of the operators' API, sent to `adminUrl` only. */
  readonly adminToken?: string;
  /** Instead of the global one. */
  readonly fetch?: typeof fetch;
}

export interface CallOptions {
  /** Calls of the same handler and key with the same idempotency key are one call. Makes repeating a call safe. */
  readonly idempotencyKey?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Gives up waiting for the outcome. The invocation goes on. */
  readonly signal?: AbortSignal;
}

export interface SendOptions extends CallOptions {
  /** Start this much later. Default: now. */
  readonly delay?: Duration;
}

const URL_DEFAULT = "http://localhost:8080";
const ADMIN_URL_DEFAULT = "http://localhost:9070";

/**
 * A client of one Holdfast. Opens no connection by itself, and needs no closing.
 *
 * @example
 * const holdfast = connect({ url: "http://localhost:8080" });
 * const receipt = await holdfast.call(payments.charge, { order: "4711", cents: 1999 });
 */
export function connect(options: ConnectOptions = {}): Client {
  return new Client(options);
}

export class Client {
  /** The operators' API: deployments, invocations, state. */
  readonly admin: AdminClient;
  readonly #transport: Transport;

  constructor(options: ConnectOptions) {
    const send = options.fetch ?? ((...args: Parameters<typeof fetch>) => fetch(...args));
    const headers = options.headers ?? {};
    const transport = (url: string, token: string | undefined): Transport => {
      const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
      return new Transport({ url, fetch: send, headers: { ...headers, ...authorization } });
    };
    this.#transport = transport(options.url ?? URL_DEFAULT, options.token);
    this.admin = new AdminClient(transport(options.adminUrl ?? ADMIN_URL_DEFAULT, options.adminToken));
  }

  /**
   * Calls a handler and waits for its outcome.
   *
   * @throws InvocationFailedError with the handler's failure; HoldfastClientError when the call was refused or got no answer.
   * @example await holdfast.call(counter.add, "visits", 1, { idempotencyKey: "request-17" });
   */
  async call<Ref extends AnyHandlerRef>(
    handler: Ref,
    ...args: [...ArgsOf<Ref>, options?: CallOptions]
  ): Promise<OutputOfRef<Ref>> {
    const { segments, input, options } = addressOf<CallOptions>(handler, args);
    const value = await this.#transport.value(segments, {
      method: "POST",
      body: bodyOf(input, "input"),
      headers: headersOf(options),
      signal: options?.signal,
    });
    return value as OutputOfRef<Ref>;
  }

  /**
   * Has a handler called, now or later. Resolves when that is durable, without waiting for the outcome.
   *
   * @example const handle = await holdfast.send(deploy, { app: "shop", rev: "42" }, { delay: "10m" });
   */
  async send<Ref extends AnyHandlerRef>(
    handler: Ref,
    ...args: [...ArgsOf<Ref>, options?: SendOptions]
  ): Promise<InvocationHandle<OutputOfRef<Ref>>> {
    const { segments, input, options } = addressOf<SendOptions>(handler, args);
    const response = await this.#transport.json<SendResponse>([...segments, "send"], {
      method: "POST",
      body: bodyOf(input, "input"),
      headers: headersOf(options),
      query: { delay: options?.delay },
      signal: options?.signal,
    });
    return new InvocationHandle(this.#transport, this.admin, response);
  }

  /** An invocation whose id is known. */
  invocation<Output = unknown>(invocationId: string): InvocationHandle<Output> {
    return new InvocationHandle(this.#transport, this.admin, { invocationId, status: "PreviouslyAccepted" });
  }

  /**
   * One run of a workflow, by its key.
   *
   * @example
   * const run = holdfast.workflow(deploy, "shop@42");
   * await run.promise("approval").resolve({ ok: true });
   * await run.attach();
   */
  workflow<Ref extends AnyWorkflowRef>(workflow: Ref, key: string): WorkflowHandle<Ref> {
    return new WorkflowHandle(this.#transport, workflow, key);
  }

  /** One durable promise of a workflow. */
  promise<Ref extends AnyWorkflowRef, Name extends PromiseNames<Ref>>(
    workflow: Ref,
    key: string,
    name: Name,
  ): PromiseHandle<PayloadOf<Ref, Name>["input"], PayloadOf<Ref, Name>["output"]> {
    return new PromiseHandle(this.#transport, promisePath(workflow.service, key, name));
  }

  /**
   * Settles an awakeable with a value. False when nobody waits for it: it was settled before, or its invocation has ended or
   * is unknown.
   */
  async resolveAwakeable(id: string, value?: unknown): Promise<boolean> {
    const request = { method: "POST", body: bodyOf(value, "value of the awakeable") };
    return accepted(await this.#transport.send(["restate", "awakeables", id, "resolve"], request));
  }

  /** Settles an awakeable with a failure. */
  async rejectAwakeable(id: string, reason: string): Promise<boolean> {
    const request = { method: "POST", body: bodyOf({ message: reason }, "reason") };
    return accepted(await this.#transport.send(["restate", "awakeables", id, "reject"], request));
  }

  /** Names of the services that can be called. */
  async services(): Promise<readonly string[]> {
    const health = await this.#transport.json<IngressHealth>(["restate", "health"]);
    return health.services;
  }
}

function headersOf(options: CallOptions | undefined): Readonly<Record<string, string>> {
  if (options?.idempotencyKey === undefined) return options?.headers ?? {};
  return { ...options.headers, [IngressHeader.idempotencyKey]: options.idempotencyKey };
}

async function accepted(response: Response): Promise<boolean> {
  const text = await response.text();
  if (text === "") return true;
  const { status } = JSON.parse(text) as { readonly status?: string };
  return status !== "ignored";
}
