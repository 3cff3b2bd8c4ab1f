/** Holdfast as a user runs it: `holdfast serve` with its defaults, handlers in a process of their own. */
import { readFileSync } from "node:fs";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import type { Address } from "../http/connection.ts";
import { Child } from "../process/child.ts";
import { freePort } from "../process/free-port.ts";
import { until } from "../process/until.ts";
import {
  readControl,
  type Contender,
  type ControlView,
  type Role,
  type RunningContender,
} from "./contender.ts";

const PROGRAM = fileURLToPath(new URL("../../../packages/cli/bin/holdfast.mjs", import.meta.url));
const HANDLERS = fileURLToPath(new URL("../handlers/holdfast.ts", import.meta.url));
const MANIFEST = new URL("../../../package.json", import.meta.url);
const HOST = "127.0.0.1";
/** Recovery of a million sleepers is part of what is measured, so it may take its time. */
const READY_MS_MAX = 120_000;

export const holdfast: Contender = {
  name: "holdfast",
  version: () => (JSON.parse(readFileSync(MANIFEST, "utf8")) as { readonly version: string }).version,
  settings: [],
  lacks: new Map(),
  absence: async () => undefined,
  start: (directory) => RunningHoldfast.start(directory),
};

interface HandlersReady {
  readonly url: string;
  readonly controlPort: number;
}

class RunningHoldfast implements RunningContender {
  readonly name = "holdfast";
  readonly forceReplay = undefined;
  readonly ingress: Address;
  readonly dataDirectory: string;
  readonly #directory: string;
  readonly #adminPort: number;
  #server: Child;
  #handlers: Child | undefined;
  #controlPort = 0;

  private constructor(directory: string, ingressPort: number, adminPort: number) {
    this.#directory = directory;
    this.dataDirectory = join(directory, "data");
    this.ingress = { host: HOST, port: ingressPort };
    this.#adminPort = adminPort;
    this.#server = this.#spawnServer();
  }

  static async start(directory: string): Promise<RunningHoldfast> {
    mkdirSync(directory, { recursive: true });
    const running = new RunningHoldfast(directory, await freePort(), await freePort());
    try {
      await running.#untilReady();
      await running.#startHandlers();
    } catch (error) {
      await running.stop();
      throw error;
    }
    return running;
  }

  pids(role: Role): readonly number[] {
    return role === "server" ? [this.#server.pid] : [this.#handlers?.pid ?? 0];
  }

  control(): Promise<ControlView> {
    return readControl(this.#controlPort);
  }

  killServer(): Promise<void> {
    return this.#server.killAtOnce();
  }

  async restartServer(): Promise<void> {
    this.#server = this.#spawnServer();
    await this.#untilReady();
  }

  async stop(): Promise<void> {
    await this.#server.stop();
    await this.#handlers?.stop();
  }

  #spawnServer(): Child {
    const { port } = this.ingress;
    const ports = ["--ingress-port", String(port), "--admin-port", String(this.#adminPort)];
    return new Child({
      command: process.execPath,
      args: [PROGRAM, "serve", "--data", this.dataDirectory, ...ports],
      logFile: join(this.#directory, "server.log"),
    });
  }

  async #untilReady(): Promise<void> {
    await until("the start of holdfast", READY_MS_MAX, async () => {
      if (this.#server.isOver) throw this.#server.failure("holdfast ended");
      const answer = await fetch(`http://${HOST}:${this.ingress.port}/restate/health`).catch(() => {
        // Nobody listens yet: until() asks again.
      });
      return answer?.ok === true ? true : undefined;
    });
  }

  async #startHandlers(): Promise<void> {
    this.#handlers = new Child({
      command: process.execPath,
      args: [HANDLERS, HOST, String(this.ingress.port)],
      logFile: join(this.#directory, "handlers.log"),
      hasChannel: true,
    });
    const { url, controlPort } = await this.#handlers.message<HandlersReady>();
    this.#controlPort = controlPort;
    const response = await fetch(`http://${HOST}:${this.#adminPort}/deployments`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ url }),
    });
    if (!response.ok) throw new Error(`registering answered ${response.status}: ${await response.text()}`);
  }
}
