/** A whole server on free ports with handlers of the test, and its admin API asked by HTTP. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";

import type { Servable } from "@holdfast/sdk";

import { loadConfig } from "../config.ts";
import { startServer, type RunningServer } from "../server.ts";

/** What a test looks into says itself what it is. */
// oxlint-disable-next-line typescript/no-explicit-any
export type Row = Readonly<Record<string, any>>;

export class QueryRig {
  readonly server: RunningServer;
  readonly directory: string;

  private constructor(server: RunningServer, directory: string) {
    this.server = server;
    this.directory = directory;
  }

  static async start(
    t: Pick<TestContext, "after">,
    services: readonly Servable[] = [],
    settings: Readonly<Record<string, unknown>> = {},
  ): Promise<QueryRig> {
    const directory = mkdtempSync(join(tmpdir(), "holdfast-query-"));
    const config = loadConfig({
      arguments: { data: directory, "ingress.port": 0, "admin.port": 0, ...settings },
    });
    const server = await startServer({ config, services, onWarning: () => undefined });
    t.after(async () => {
      await server.close();
      rmSync(directory, { recursive: true, force: true });
    });
    return new QueryRig(server, directory);
  }

  post(body: unknown, headers: Readonly<Record<string, string>> = {}, path = "/query"): Promise<Response> {
    return fetch(this.server.adminUrl + path, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/json", ...headers },
      body: JSON.stringify(body),
    });
  }

  async rows(query: string, parameters: ReadonlyArray<string | number | null> = []): Promise<Row[]> {
    const response = await this.post({ query, parameters });
    const text = await response.text();
    assert.equal(response.status, 200, text);
    return (JSON.parse(text) as { rows: Row[] }).rows;
  }

  /** The problem document of a query that is refused. */
  async refusal(query: string): Promise<Row> {
    const response = await this.post({ query });
    assert.notEqual(response.status, 200, `${query} was answered`);
    return (await response.json()) as Row;
  }

  /** Calls the ingress: what it answers. */
  async call(
    path: string,
    input: unknown = null,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<unknown> {
    const response = await fetch(this.server.ingressUrl + path, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify(input),
    });
    return (await response.json()) as unknown;
  }

  /** Sends through the ingress: the invocation's id. */
  async send(path: string, input: unknown = null, options = ""): Promise<string> {
    const { invocationId } = (await this.call(`${path}/send${options}`, input)) as { invocationId: string };
    assert.equal(typeof invocationId, "string");
    return invocationId;
  }

  /** Waits until an invocation has a status. */
  async until(id: string, status: string): Promise<void> {
    const { tables } = this.server.engine;
    for (let tries = 0; tries < 1_000; tries++) {
      if (tables.invocations.get(id)?.status === status) return;
      await new Promise((resolve) => {
        setTimeout(resolve, 10);
      });
    }
    assert.fail(`${id} did not become ${status}, it is ${tables.invocations.get(id)?.status}`);
  }
}
