/** An ingress on a free port over a fake engine with a few services, for tests. */
import assert from "node:assert/strict";

import type { ErrorSource, ProblemJson } from "@holdfast/protocol";

import type { HttpHandler } from "../http/exchange.ts";
import { FakeEngine, manifestOf, value } from "../http/fake-engine.ts";
import { HttpServer, type HttpServerOptions } from "../http/http-server.ts";
import { ReceiveBudget } from "../http/receive-budget.ts";
import type { IngressSettings } from "./ingress-settings.ts";
import { createIngress } from "./ingress.ts";

export type RigRequest = RequestInit & { readonly json?: unknown };

export type Answer = {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly json: ReturnType<typeof JSON.parse>;
};

export const settings: IngressSettings = {
  bodyBytesMax: 64 * 1024,
  budget: new ReceiveBudget(1024 * 1024, "ingress.receivingBytesMax"),
  keyBytesMax: 8 * 1024,
  idempotencyKeyBytesMax: 256,
  jsonDepthMax: 64,
  waitingCallsMax: 3,
  storedHeaders: ["content-type", "traceparent", "x-*", "!x-api-key"],
  corsOrigins: [],
  hosts: ["localhost", "127.0.0.1"],
  refuseCrossSite: true,
  authenticate: undefined,
};

export const DEPLOYMENT = "dp_11nGQpCJkN4m8oJXsKRlVqT";
export const manifest = manifestOf([
  {
    name: "Greeter",
    kind: "service",
    handlers: [
      {
        name: "greet",
        kind: "plain",
        inputSchema: {
          type: "object",
          properties: { name: { type: "string" }, friends: { type: "array", items: { type: "string" } } },
          required: ["name"],
        },
      },
      { name: "echo", kind: "plain" },
      { name: "fail", kind: "plain" },
      { name: "hang", kind: "plain" },
      { name: "hidden", kind: "plain", ingressPrivate: true },
    ],
  },
  { name: "Secret", kind: "service", ingressPrivate: true, handlers: [{ name: "run", kind: "plain" }] },
  {
    name: "Counter",
    kind: "object",
    handlers: [
      { name: "add", kind: "exclusive" },
      { name: "get", kind: "shared" },
    ],
  },
  {
    name: "Deploy",
    kind: "workflow",
    handlers: [
      {
        name: "run",
        kind: "run",
        promises: { approval: { type: "object", required: ["by"] }, anything: true },
      },
      { name: "status", kind: "shared" },
    ],
  },
  { name: "Foreign", kind: "workflow", handlers: [{ name: "run", kind: "run" }] },
]);

export class IngressRig {
  readonly engine: FakeEngine;
  readonly server: HttpServer;
  /** What the server had to admit to be its own fault. */
  readonly defects: readonly unknown[];

  private constructor(engine: FakeEngine, server: HttpServer, defects: readonly unknown[]) {
    this.engine = engine;
    this.server = server;
    this.defects = defects;
  }

  /** `change` is given the engine, whose clock it may want. */
  static async start(
    change: (engine: FakeEngine) => Partial<IngressSettings> = () => ({}),
  ): Promise<IngressRig> {
    const engine = await startEngine();
    const defects: unknown[] = [];
    const handler = createIngress(engine, { ...settings, ...change(engine) }, (error) => defects.push(error));
    return new IngressRig(engine, await HttpServer.listen(listenOptions(handler)), defects);
  }

  /** Also proves that nothing was left behind. */
  async close(): Promise<void> {
    await this.server.close();
    assert.deepEqual(this.defects, []);
    assert.equal(this.engine.listenerCount, 0, "every waiter is freed");
  }

  async request(path: string, init: RigRequest = {}): Promise<Answer> {
    return send(this.server.url + path, init);
  }

  lastInvoked(): string {
    const record = this.engine.proposed.findLast(({ kind }) => kind === "invoke");
    assert.ok(record?.kind === "invoke");
    return record.id;
  }
}

export async function send(url: string, init: RigRequest = {}): Promise<Answer> {
  const { json, ...rest } = init;
  const headers = new Headers(rest.headers);
  if (json !== undefined) headers.set("content-type", "application/json");
  const response = await fetch(url, {
    method: "POST",
    ...rest,
    headers,
    ...(json === undefined ? {} : { body: JSON.stringify(json) }),
  });
  const text = await response.text();
  const isJson = response.headers.get("content-type") === "application/json";
  return {
    status: response.status,
    headers: response.headers,
    text,
    json: (isJson ? JSON.parse(text) : undefined) as never,
  };
}

/** What every refusal must look like, whichever it is. */
export function assertProblem(
  answer: Answer,
  status: number,
  error: string,
  source: ErrorSource = "ingress",
): ProblemJson {
  const problem = answer.json as ProblemJson;
  assert.equal(answer.headers.get("content-type"), "application/json");
  assert.equal(answer.headers.get("x-restate-error-source"), source === "admin" ? null : source);
  assert.equal(problem?.error, error, answer.text);
  assert.equal(answer.status, status);
  assert.equal(problem.code, status);
  assert.equal(problem.source, source);
  assert.match(problem.docs, /^docs\/errors\.md#[a-z-]+$/);
  assert.ok(problem.message.length > 0 && problem.hint.length > 0);
  assert.doesNotMatch(answer.text, /\.ts:\d+|node:internal| at [\w.]+ \(/);
  return problem;
}

export function listenOptions(handler: HttpHandler): HttpServerOptions {
  return {
    handler,
    source: "ingress",
    host: "127.0.0.1",
    port: 0,
    headerBytesMax: 16 * 1024,
    urlBytesMax: 12 * 1024,
    headersMax: 60,
    connectionsMax: 50,
    bodyBytesMax: settings.bodyBytesMax,
    budget: settings.budget,
    requestTimeoutMs: 1_000,
    idleTimeoutMs: 5_000,
    onDefect: (error) => {
      throw error;
    },
  };
}

export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let turn = 0; turn < 1_000; turn++) {
    if (await condition()) return;
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
  }
  assert.fail(`still waiting for ${condition}`);
}

/** A fake engine on which the rig's services are registered. */
export async function startEngine(): Promise<FakeEngine> {
  const engine = await FakeEngine.open();
  addHandlers(engine);
  await register(engine);
  return engine;
}

function addHandlers({ handlers }: FakeEngine): void {
  handlers.set("Greeter/greet", ({ value: body }) => {
    const { name } = JSON.parse(Buffer.from(body).toString()) as { name: string };
    return value(`hello ${name}`);
  });
  handlers.set("Greeter/echo", ({ value: body, headers }) =>
    body.length === 0 ? { kind: "void" } : value({ body: Buffer.from(body).toString(), headers }),
  );
  handlers.set("Greeter/fail", ({ value: body }) => ({
    kind: "failure",
    failure: JSON.parse(Buffer.from(body).toString()) as { code: number; message: string },
  }));
  handlers.set("Counter/add", ({ start }) => value(start.key));
  handlers.set("Counter/get", ({ start }) => value(start.key));
  handlers.set("Deploy/status", () => value("ok"));
}

async function register(engine: FakeEngine): Promise<void> {
  const outcome = await engine.propose({
    kind: "register-deployment",
    id: DEPLOYMENT,
    url: "http://localhost:9080",
    manifest,
    metadata: {},
    headers: {},
    force: false,
    breaking: false,
    dryRun: false,
  });
  assert.ok(outcome.ok);
}
