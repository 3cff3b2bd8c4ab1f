/** The real server, `holdfast serve`, and what a test asks of it over HTTP. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

import { StartedProcess } from "./started-process.contract.ts";

/** The file that `npx holdfast` runs. */
const PROGRAM = fileURLToPath(new URL("../../packages/cli/bin/holdfast.mjs", import.meta.url));
/** A process that is being started again is soon found, however often it was not. */
const SETTINGS = ["retry.initialInterval=10ms", "retry.maxInterval=50ms", "retry.maxAttempts=10000"];

type JournalEntry = { readonly type: string; readonly completed?: boolean };

export type Submitted = { readonly invocationId: string; readonly status: string };

export class EngineProcess {
  readonly #directory: string;
  readonly #settings: readonly string[];
  #process: StartedProcess;
  #ingressUrl = "";
  #adminUrl = "";

  private constructor(directory: string, settings: readonly string[]) {
    this.#directory = directory;
    this.#settings = settings;
    this.#process = this.#spawn();
  }

  static async start(directory: string, settings: readonly string[]): Promise<EngineProcess> {
    const engine = new EngineProcess(directory, settings);
    await engine.#ready();
    return engine;
  }

  async end(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    await this.#process.end(signal);
  }

  /** A new process on the data of the last. */
  async restart(): Promise<void> {
    assert.ok(this.#process.hasEnded, "the last process still runs");
    this.#process = this.#spawn();
    await this.#ready();
  }

  /** Returns the deployment's id. */
  async register(url: string): Promise<string> {
    const answer = await this.#ask(`${this.#adminUrl}/deployments`, { url });
    return (answer as { deployment: { id: string } }).deployment.id;
  }

  async act(id: string, action: string, body: object): Promise<{ newInvocationId?: string }> {
    return (await this.#ask(`${this.#adminUrl}/invocations/${id}/${action}`, body)) as object;
  }

  async invocation(
    id: string,
  ): Promise<{ readonly status: string; readonly journal: readonly JournalEntry[] }> {
    return (await this.#ask(`${this.#adminUrl}/invocations/${id}`)) as {
      status: string;
      journal: JournalEntry[];
    };
  }

  /** Whatever it answers. */
  async answer(side: "ingress" | "admin", path: string, request: RequestInit): Promise<Response> {
    const url = side === "ingress" ? this.#ingressUrl : this.#adminUrl;
    return fetch(`${url}${path}`, { method: "POST", ...request });
  }

  async submit(path: string, input: unknown, idempotencyKey?: string): Promise<Submitted> {
    const answer = await this.#ask(`${this.#ingressUrl}/restate/send/${path}`, input ?? null, idempotencyKey);
    return answer as Submitted;
  }

  async send(path: string, input: unknown): Promise<string> {
    return (await this.submit(path, input)).invocationId;
  }

  async call(path: string, input: unknown, idempotencyKey?: string): Promise<unknown> {
    return this.#ask(`${this.#ingressUrl}/restate/call/${path}`, input ?? null, idempotencyKey);
  }

  async attach(id: string): Promise<unknown> {
    return this.#ask(`${this.#ingressUrl}/restate/invocation/${id}/attach`);
  }

  async resolveAwakeable(id: string, value: unknown): Promise<void> {
    await this.#ask(`${this.#ingressUrl}/restate/awakeables/${id}/resolve`, value);
  }

  async journal(id: string): Promise<readonly JournalEntry[]> {
    return (await this.invocation(id)).journal;
  }

  async #ask(url: string, body?: unknown, idempotencyKey?: string): Promise<unknown> {
    const key = idempotencyKey === undefined ? {} : { "idempotency-key": idempotencyKey };
    const headers = { "content-type": "application/json", ...key };
    const post = { method: "POST", headers, body: JSON.stringify(body) };
    const answer = await fetch(url, body === undefined ? {} : post);
    const text = await answer.text();
    assert.ok(answer.ok, `${url} was answered with ${answer.status}: ${text}`);
    return text === "" ? undefined : JSON.parse(text);
  }

  #spawn(): StartedProcess {
    const sets = [...SETTINGS, ...this.#settings].flatMap((setting) => ["--set", setting]);
    const ports = ["--ingress-port", "0", "--admin-port", "0"];
    const serve = ["serve", "--data", this.#directory, ...ports, "--json", ...sets];
    return new StartedProcess([process.execPath, PROGRAM, ...serve]);
  }

  async #ready(): Promise<void> {
    const ready = JSON.parse(await this.#process.firstLine()) as { ingressUrl: string; adminUrl: string };
    this.#ingressUrl = ready.ingressUrl;
    this.#adminUrl = ready.adminUrl;
  }
}
