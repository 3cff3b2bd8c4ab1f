/** A contender of two processes: a server, and handlers that are registered with it. Holdfast and Restate are such. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";

import type { Address } from "../http/connection.ts";
import { Child } from "../process/child.ts";
import { freePort } from "../process/free-port.ts";
import { until } from "../process/until.ts";
import {
  readControl,
  type ContenderName,
  type ControlView,
  type Role,
  type RunningContender,
} from "./contender.ts";

export interface ServerProgram {
  readonly command: string;
  readonly args: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

export interface Places {
  readonly dataDirectory: string;
  readonly ingressPort: number;
  readonly adminPort: number;
  /** One more that is free, for servers that need three. */
  readonly otherPort: number;
}

export interface TwoProcesses {
  readonly name: ContenderName;
  /** The program of the handlers, which is given host and port of the ingress, and what to start the server with. */
  readonly handlers: string;
  readonly server: (places: Places) => ServerProgram;
  /** Below the data directory, when log and store can be told apart. */
  readonly logFolder?: string;
  /** The body with which the handlers at this address are registered. */
  readonly registration: (url: string) => object;
}

const HOST = "127.0.0.1";
/** Recovery of a million sleepers is part of what is measured, so it may take its time. */
const READY_MS_MAX = 120_000;
const READY_PAUSE_MS = 2;
const REGISTER_MS_MAX = 30_000;

interface HandlersReady {
  readonly url: string;
  readonly controlPort: number;
}

export class RunningTwoProcesses implements RunningContender {
  readonly name: ContenderName;
  readonly forceReplay = undefined;
  readonly logDirectory: string | undefined;
  readonly ingress: Address;
  readonly dataDirectory: string;
  readonly #directory: string;
  readonly #kind: TwoProcesses;
  readonly #places: Places;
  #readyMs = 0;
  #server: Child;
  #handlers: Child | undefined;
  #controlPort = 0;

  private constructor(kind: TwoProcesses, directory: string, places: Places) {
    this.name = kind.name;
    this.#kind = kind;
    this.#directory = directory;
    this.#places = places;
    this.dataDirectory = places.dataDirectory;
    this.logDirectory = kind.logFolder === undefined ? undefined : join(this.dataDirectory, kind.logFolder);
    this.ingress = { host: HOST, port: places.ingressPort };
    this.#server = this.#spawnServer();
  }

  static async start(kind: TwoProcesses, directory: string): Promise<RunningTwoProcesses> {
    mkdirSync(directory, { recursive: true });
    const running = new RunningTwoProcesses(kind, directory, {
      dataDirectory: join(directory, "data"),
      ingressPort: await freePort(),
      adminPort: await freePort(),
      otherPort: await freePort(),
    });
    try {
      await running.#untilReady();
      await running.#startHandlers();
    } catch (error) {
      await running.stop();
      throw error;
    }
    return running;
  }

  get readyMs(): number {
    return this.#readyMs;
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
    const program = this.#kind.server(this.#places);
    return new Child({ ...program, logFile: join(this.#directory, "server.log") });
  }

  /** Right behind the spawning. */
  async #untilReady(): Promise<void> {
    const spawnedAt = performance.now();
    const { host, port } = this.ingress;
    const ask = async (): Promise<true | undefined> => {
      if (this.#server.isOver) throw this.#server.failure(`${this.name} ended`);
      const answer = await fetch(`http://${host}:${port}/restate/health`).catch(() => {
        // Nobody listens yet: until() asks again.
      });
      return answer?.ok === true ? true : undefined;
    };
    await until(`the start of ${this.name}`, READY_MS_MAX, ask, READY_PAUSE_MS);
    this.#readyMs = performance.now() - spawnedAt;
  }

  async #startHandlers(): Promise<void> {
    this.#handlers = new Child({
      command: process.execPath,
      args: [this.#kind.handlers, HOST, String(this.ingress.port)],
      logFile: join(this.#directory, "handlers.log"),
      hasChannel: true,
    });
    const { url, controlPort } = await this.#handlers.message<HandlersReady>();
    this.#controlPort = controlPort;
    // A server that answers at its ingress may still be on the way to its own database.
    await until(`the registration with ${this.name}`, REGISTER_MS_MAX, async () => {
      const response = await fetch(`http://${HOST}:${this.#places.adminPort}/deployments`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(this.#kind.registration(url)),
      });
      const text = await response.text();
      if (response.status >= 500) return undefined;
      if (!response.ok) throw new Error(`registering answered ${response.status}: ${text}`);
      return true;
    });
  }
}
