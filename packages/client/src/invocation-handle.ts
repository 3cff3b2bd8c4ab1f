/** Invocations that were started before. */
import type { ArgsOf, OutputOfRef, SendResponse } from "@holdfast/protocol";

import type { AdminClient } from "./admin/admin-client.ts";
import { HoldfastClientError } from "./errors.ts";
import {
  promisePath,
  PromiseHandle,
  type AnyWorkflowRef,
  type PayloadOf,
  type PromiseNames,
} from "./promise-handle.ts";
import { bodyOf, type Transport } from "./transport.ts";

export interface AttachOptions {
  /** Gives up waiting. The invocation goes on. */
  readonly signal?: AbortSignal;
}

const NOT_READY = 470;

export class InvocationHandle<Output = unknown> {
  readonly invocationId: string;
  /** "PreviouslyAccepted": the idempotency key was used before, and this is that invocation. */
  readonly status: SendResponse["status"];
  /** When a delayed one starts, as an ISO date. */
  readonly executionTime: string | undefined;
  readonly #transport: Transport;
  readonly #admin: AdminClient;

  constructor(transport: Transport, admin: AdminClient, response: SendResponse) {
    this.invocationId = response.invocationId;
    this.status = response.status;
    this.executionTime = response.executionTime;
    this.#transport = transport;
    this.#admin = admin;
  }

  /** Waits for the outcome. Throws InvocationFailedError with its failure. */
  async attach(options: AttachOptions = {}): Promise<Output> {
    const segments = ["restate", "invocation", this.invocationId, "attach"];
    return (await this.#transport.value(segments, { signal: options.signal })) as Output;
  }

  /** The outcome, or `undefined` while there is none. Throws InvocationFailedError with its failure. */
  output(): Promise<{ readonly value: Output } | undefined> {
    return outputAt(this.#transport, ["restate", "invocation", this.invocationId, "output"]);
  }

  /** Asks it to end. Needs the operators' API. */
  async cancel(): Promise<void> {
    await this.#admin.invocations.cancel(this.invocationId);
  }
}

export class WorkflowHandle<Ref extends AnyWorkflowRef> {
  readonly key: string;
  readonly #transport: Transport;
  readonly #workflow: Ref;

  constructor(transport: Transport, workflow: Ref, key: string) {
    this.key = key;
    this.#transport = transport;
    this.#workflow = workflow;
  }

  /** Starts it, unless a run of this key exists. `status` tells which. */
  submit(
    ...args: ArgsOf<Ref> extends readonly [key: string, ...input: infer Input] ? Input : ArgsOf<Ref>
  ): Promise<SendResponse> {
    const { service, handler } = this.#workflow;
    return this.#transport.json([service, this.key, handler, "send"], {
      method: "POST",
      body: bodyOf(args[0], "input"),
    });
  }

  /** Waits for its outcome. Throws InvocationFailedError with its failure. */
  async attach(options: AttachOptions = {}): Promise<OutputOfRef<Ref>> {
    const value = await this.#transport.value(this.#segments("attach"), { signal: options.signal });
    return value as OutputOfRef<Ref>;
  }

  /** Its outcome, or `undefined` while there is none. Throws InvocationFailedError with its failure. */
  output(): Promise<{ readonly value: OutputOfRef<Ref> } | undefined> {
    return outputAt(this.#transport, this.#segments("output"));
  }

  /** One of the promises it declares. */
  promise<Name extends PromiseNames<Ref>>(
    name: Name,
  ): PromiseHandle<PayloadOf<Ref, Name>["input"], PayloadOf<Ref, Name>["output"]> {
    return new PromiseHandle(this.#transport, promisePath(this.#workflow.service, this.key, name));
  }

  #segments(verb: "attach" | "output"): readonly string[] {
    return ["restate", "workflow", this.#workflow.service, this.key, verb];
  }
}

async function outputAt<Output>(
  transport: Transport,
  segments: readonly string[],
): Promise<{ readonly value: Output } | undefined> {
  try {
    return { value: (await transport.value(segments)) as Output };
  } catch (error) {
    if (error instanceof HoldfastClientError && error.status === NOT_READY && error.source === "ingress")
      return undefined;
    throw error;
  }
}
