/**
 * The clients and operators of a run. They know only what they were told: an operation whose connection broke has an unknown
 * outcome, and is asked again where asking again is safe.
 */
import {
  encodeValue,
  FIRST_AWAKEABLE_SIGNAL,
  formatAwakeableId,
  formatInvocationId,
  IngressHeader,
  parseAwakeableId,
} from "@holdfast/protocol";

import { describeObjectOperation, type ObjectOperation } from "../invariants/linearizability.ts";
import type { WorldEvent } from "../invariants/world-event.ts";
import type { HandedOver } from "../programs/host.ts";
import { FRESH_KEY, type Program, type Target } from "../programs/program.ts";
import { ADMIN, INGRESS } from "./engine-process.ts";
import { callHttp, type HttpAnswer, type HttpCall } from "./http-caller.ts";
import type { Lifetime } from "./lifetime.ts";
import type { Network } from "./network.ts";
import type { Operation } from "./plan.ts";

const TIMEOUT_MS = 120_000;
/** Wait before something is asked again, ms, and how often that is done. */
const AGAIN_MS = 700;
const AGAIN_MAX = 200;

type Asked = {
  readonly verb: string;
  readonly to: typeof INGRESS | typeof ADMIN;
  readonly call: Omit<HttpCall, "timeoutMs">;
  readonly invocation: string | undefined;
  readonly idempotencyKey: string | undefined;
  readonly detail: string;
  /** Asked again until there is an answer. */
  readonly insists: boolean;
};

export type ClientsOptions = {
  readonly network: Network;
  readonly lifetime: Lifetime;
  readonly emit: (event: WorldEvent) => void;
  /** Adds an entry to the state of an object, as an operator would. */
  readonly patchState: (key: string) => void;
};

export class Clients {
  readonly #options: ClientsOptions;
  /** Invocations by the submission that made them, where the client was told. */
  readonly #invocations = new Map<number, string>();
  readonly #submitted = new Map<number, Operation & { readonly kind: "submit" }>();
  /** Some state was changed by an operator. */
  hasPatchedState = false;
  #operations = 0;
  #pending = 0;

  constructor(options: ClientsOptions) {
    this.#options = options;
  }

  /** Operations whose answer is waited for. */
  get pending(): number {
    return this.#pending;
  }

  do(operation: Operation): void {
    switch (operation.kind) {
      case "submit":
        this.#submitted.set(operation.id, operation);
        this.#submit(operation.id, operation);
        return;
      case "again": {
        const submitted = this.#submitted.get(operation.of);
        if (submitted !== undefined) this.#submit(operation.of, submitted);
        return;
      }
      case "attach":
      case "output":
        this.#about(operation.of, (id) => {
          const path = `/restate/invocation/${id}/${operation.kind}`;
          this.#ask({ verb: operation.kind, to: INGRESS, call: get(path), invocation: id });
        });
        return;
      case "status":
        this.#about(operation.of, (id) => {
          // A view of the admin API may be ahead of what is durable: docs/decisions/http-what-is-durable-is-told.md.
          this.#ask({ verb: "view", to: ADMIN, call: get(`/invocations/${id}`), invocation: id });
        });
        return;
      case "patch-state":
        this.hasPatchedState = true;
        this.#options.patchState(operation.key);
        return;
      case "register":
        this.register(operation.version);
        return;
      case "cell":
        this.#callCell(operation);
        return;
      case "stray": {
        const invocation = formatInvocationId(Uint8Array.from(operation.bytes));
        const id = formatAwakeableId(invocation, FIRST_AWAKEABLE_SIGNAL);
        this.settle({ kind: "awakeable", id, reject: false }, false);
        return;
      }
      case "list":
        this.#ask({ verb: "view", to: ADMIN, call: get("/invocations?limit=50") });
        return;
      default:
        this.#about(operation.of, (id) => this.act(id, operation.kind));
    }
  }

  /** An operator's action on an invocation. */
  act(id: string, verb: "cancel" | "kill" | "pause" | "resume" | "restart" | "purge" | "reschedule"): void {
    const body = verb === "reschedule" ? '{"delay":"1s"}' : "{}";
    this.#ask({
      verb,
      to: ADMIN,
      call: { method: "POST", path: `/invocations/${id}/${verb}`, body },
      invocation: id,
    });
  }

  register(version: number): void {
    const body = JSON.stringify({ url: `http://handlers-${version}:9080` });
    this.#ask({
      verb: "register",
      to: ADMIN,
      call: { method: "POST", path: "/deployments", body },
      insists: true,
    });
  }

  /** What a handler asked an outside client to settle. */
  settle(what: HandedOver, insists = true): void {
    const verb = what.reject ? "reject" : "resolve";
    const path =
      what.kind === "awakeable"
        ? `/restate/awakeables/${what.id}/${verb}`
        : `/restate/promises/flow/${what.key}/${what.name}/${verb}`;
    const value = what.kind === "awakeable" ? "settled" : what.name;
    const body = what.reject ? JSON.stringify({ message: "no" }) : JSON.stringify(value);
    this.#ask({
      verb: what.kind === "awakeable" ? "signal" : "promise",
      to: INGRESS,
      call: { method: "POST", path, body },
      detail: path,
      invocation: what.kind === "awakeable" ? parseAwakeableId(what.id)?.invocationId : undefined,
      insists,
    });
  }

  #callCell({ cell, does, value }: Operation & { readonly kind: "cell" }): void {
    const object = `cell/${cell}`;
    const described: ObjectOperation =
      does === "get"
        ? { object, kind: "get" }
        : does === "add"
          ? { object, kind: "add", amount: value }
          : { object, kind: "set", value: String(value) };
    this.#ask({
      verb: "call",
      to: INGRESS,
      call: {
        method: "POST",
        path: `/restate/call/cell/${cell}/${does}`,
        ...(does === "get" ? {} : { body: String(value) }),
      },
      detail: describeObjectOperation(described),
    });
  }

  #about(of: number, then: (invocation: string) => void): void {
    const id = this.#invocations.get(of);
    if (id !== undefined) then(id);
  }

  #submit(id: number, submit: Operation & { readonly kind: "submit" }): void {
    const { mode, program, idempotencyKey, delayMs } = submit;
    const query = delayMs === 0 ? "" : `?delay=${delayMs}ms`;
    const path = `/restate/${mode}/${pathOf(program.target, id)}${query}`;
    const isRepeatable = idempotencyKey !== undefined;
    this.#ask(
      {
        verb: mode,
        to: INGRESS,
        call: {
          method: "POST",
          path,
          body: inputOf(program),
          ...(idempotencyKey === undefined
            ? {}
            : { headers: { [IngressHeader.idempotencyKey]: idempotencyKey } }),
        },
        idempotencyKey,
        detail: path,
        insists: isRepeatable,
      },
      (answer) => {
        const invocation = answer.headers[IngressHeader.invocationId];
        if (invocation !== undefined) this.#invocations.set(id, invocation);
      },
    );
  }

  #ask(
    asked: Pick<Asked, "verb" | "to" | "call"> & Partial<Asked>,
    told: (answer: HttpAnswer) => void = () => {},
    attempt = 1,
  ): void {
    const { network, lifetime, emit } = this.#options;
    const { verb, to, call, invocation, idempotencyKey, detail = call.path, insists = false } = asked;
    const operation = this.#operations++;
    this.#pending += 1;
    emit({ kind: "client-sent", operation, verb, invocation, idempotencyKey, detail });
    callHttp(network, lifetime, to, { ...call, timeoutMs: TIMEOUT_MS }, (answer) => {
      this.#pending -= 1;
      emit(toldOf(operation, answer, invocation));
      if (answer !== undefined) told(answer);
      const isAnswered = answer !== undefined && answer.status < 500 && answer.status !== 429;
      if (insists && !isAnswered && attempt < AGAIN_MAX)
        lifetime.after(AGAIN_MS, () => this.#ask(asked, told, attempt + 1));
    });
  }
}

/** What the client learned. An invocation that failed answers with an error, too: its header tells the difference. */
function toldOf(
  operation: number,
  answer: HttpAnswer | undefined,
  about: string | undefined,
): WorldEvent & { readonly kind: "client-told" } {
  if (answer === undefined)
    return { kind: "client-told", operation, outcome: "unknown", status: 0, invocation: about, body: "" };
  const { status, headers } = answer;
  const invocation = headers[IngressHeader.invocationId] ?? about;
  const isFailure = headers[IngressHeader.errorSource] === "invocation";
  const outcome = status < 400 ? "ok" : isFailure ? "failed" : "refused";
  return { kind: "client-told", operation, outcome, status, invocation, body: answer.body.toString() };
}

function get(path: string): Omit<HttpCall, "timeoutMs"> {
  return { method: "GET", path };
}

/** A workflow whose key nobody else uses gets that of the operation. */
function pathOf(target: Target, operation: number): string {
  if (target.service === "plain") return "plain/go";
  const key = target.key === FRESH_KEY ? `operation-${operation}` : target.key;
  return `${target.service}/${key}/${target.handler}`;
}

function inputOf(program: Program): string {
  return Buffer.from(encodeValue(program)).toString();
}
