/** An admin API on a free port over a fake engine, for tests. */
import assert from "node:assert/strict";

import { encodeMessage, MessageType } from "@holdfast/protocol";

import type { FakeEngine } from "../http/fake-engine.ts";
import { HttpServer } from "../http/http-server.ts";
import { ReceiveBudget } from "../http/receive-budget.ts";
import { listenOptions, send, startEngine, type Answer, type RigRequest } from "../ingress/ingress-rig.ts";
import type { AdminSettings } from "./admin-settings.ts";
import { createAdmin } from "./admin.ts";

export const adminSettings: AdminSettings = {
  token: undefined,
  hosts: ["localhost", "127.0.0.1"],
  bodyBytesMax: 64 * 1024,
  budget: new ReceiveBudget(1024 * 1024, "ingress.receivingBytesMax"),
  keyBytesMax: 1_024,
  jsonDepthMax: 64,
  startedAt: Date.parse("2030-01-01T00:00:00Z"),
  version: {
    version: "0.1.0",
    runtime: "node",
    nativeWire: [1],
    restateProtocol: [],
    adminApi: 1,
    ingressUrl: "http://localhost:8080",
  },
  limits: [],
  config: [],
};

export class AdminRig {
  readonly engine: FakeEngine;
  readonly server: HttpServer;
  readonly #defects: readonly unknown[];

  private constructor(engine: FakeEngine, server: HttpServer, defects: readonly unknown[]) {
    this.engine = engine;
    this.server = server;
    this.#defects = defects;
  }

  static async start(settings: Partial<AdminSettings> = {}): Promise<AdminRig> {
    const engine = await startEngine();
    const defects: unknown[] = [];
    const handler = createAdmin(engine, { ...adminSettings, ...settings }, (error) => defects.push(error));
    const server = await HttpServer.listen({ ...listenOptions(handler), source: "admin" });
    return new AdminRig(engine, server, defects);
  }

  async close(): Promise<void> {
    await this.server.close();
    assert.deepEqual(this.#defects, []);
  }

  get(path: string, init: RigRequest = {}): Promise<Answer> {
    return send(this.server.url + path, { method: "GET", ...init });
  }

  send(method: string, path: string, json?: unknown, init: RigRequest = {}): Promise<Answer> {
    return send(this.server.url + path, { method, ...init, ...(json === undefined ? {} : { json }) });
  }

  /** Starts an invocation and returns its id. */
  async invoke(
    target: { readonly service: string; readonly handler: string; readonly key?: string },
    rest: { readonly startAt?: number; readonly idempotencyKey?: string; readonly input?: unknown } = {},
  ): Promise<string> {
    const { service, handler, key = "" } = target;
    const { kind } = this.engine.tables.service(service)?.handlers.get(handler) ?? { kind: "plain" };
    const { idempotencyKey, startAt = 0, input } = rest;
    const id = this.engine.invocationIdFor({ service, handler, key, idempotencyKey, isRun: kind === "run" });
    const outcome = await this.engine.propose({
      kind: "invoke",
      id,
      target: { service, handler, key, kind },
      input: inputOf(input),
      inputHash: 0,
      idempotencyKey,
      startAt,
      source: { kind: "ingress", id: "" },
    });
    assert.ok(outcome.ok, outcome.ok ? "" : outcome.message);
    return id;
  }
}

function inputOf(input: unknown): Uint8Array {
  const value = Buffer.from(input === undefined ? "" : JSON.stringify(input));
  return encodeMessage({ type: MessageType.Input, headers: [["x-request-id", "r1"]], value });
}
