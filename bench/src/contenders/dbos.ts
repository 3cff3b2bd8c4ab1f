/** DBOS: a library in a Node program of ours with an HTTP server, and the PostgreSQL that it keeps everything in. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";

import type { Address } from "../http/connection.ts";
import { Child } from "../process/child.ts";
import { freePort } from "../process/free-port.ts";
import {
  readControl,
  type Contender,
  type ControlView,
  type Role,
  type RunningContender,
} from "./contender.ts";
import { installPeers, PEERS, peerVersion } from "./peers.ts";
import { findPostgres, startPostgres, type Postgres } from "./postgres.ts";

const HANDLERS = join(PEERS, "dbos-handlers.mjs");
const EMBEDDED = join(PEERS, "dbos-embedded.mjs");
const HOST = "127.0.0.1";
const NO_OBJECTS = "DBOS has no keyed objects with state";

export function dbosOn(postgresUrl: string | undefined): Contender {
  return {
    name: "dbos",
    version: () =>
      `${peerVersion("@dbos-inc/dbos-sdk")} on ${postgresUrl === undefined ? "a PostgreSQL of its own" : "the given PostgreSQL"}`,
    settings: [],
    lacks: new Map([
      ["object-hot", NO_OBJECTS],
      ["object-many", NO_OBJECTS],
      ["sleepers-delayed", "DBOS delays only what goes through a queue, which looks for work once a second"],
    ]),
    absence: async () =>
      installPeers() ??
      (postgresUrl !== undefined || findPostgres() !== undefined
        ? undefined
        : "no PostgreSQL: neither --postgres nor initdb and postgres on PATH"),
    embedded: async (directory) => {
      const own = postgresUrl === undefined ? await startOwnPostgres(directory) : undefined;
      return {
        command: process.execPath,
        args: [EMBEDDED, newDatabase(own?.url ?? postgresUrl ?? "")],
        stop: async () => own?.child.stop(),
      };
    },
    start: (directory) => RunningDbos.start(directory, postgresUrl),
  };
}

class RunningDbos implements RunningContender {
  readonly name = "dbos";
  readonly ingress: Address;
  readonly dataDirectory: string;
  readonly #directory: string;
  readonly #database: string;
  /** Undefined when it is somebody else's, whose processes we do not know. */
  readonly #postgres: Postgres | undefined;
  readonly logDirectory = undefined;
  #readyMs = 0;
  #program: Child | undefined;
  #controlPort = 0;

  private constructor(directory: string, port: number, database: string, postgres: Postgres | undefined) {
    this.#directory = directory;
    this.#database = database;
    this.#postgres = postgres;
    this.dataDirectory = join(directory, "data");
    this.ingress = { host: HOST, port };
  }

  static async start(directory: string, postgresUrl: string | undefined): Promise<RunningDbos> {
    mkdirSync(directory, { recursive: true });
    const postgres = postgresUrl === undefined ? await startOwnPostgres(directory) : undefined;
    const database = newDatabase(postgres?.url ?? postgresUrl ?? "");
    const running = new RunningDbos(directory, await freePort(), database, postgres);
    try {
      await running.#startProgram("new");
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
    if (role === "handlers") return this.#program === undefined ? [] : [this.#program.pid];
    return this.#postgres === undefined ? [] : [this.#postgres.child.pid];
  }

  control(): Promise<ControlView> {
    return readControl(this.#controlPort);
  }

  /** What runs workflows is in the program; the database is what survives. */
  async killServer(): Promise<void> {
    await this.#program?.killAtOnce();
  }

  async restartServer(): Promise<void> {
    await this.#startProgram("again");
  }

  /** A workflow of DBOS that waits stays in memory; only a new process replays it. */
  async forceReplay(): Promise<void> {
    await this.killServer();
    await this.restartServer();
  }

  async stop(): Promise<void> {
    await this.#program?.killAtOnce();
    await this.#postgres?.child.stop();
  }

  async #startProgram(start: "new" | "again"): Promise<void> {
    const startedAt = performance.now();
    this.#program = new Child({
      command: process.execPath,
      args: [HANDLERS, HOST, String(this.ingress.port), this.#database, start],
      logFile: join(this.#directory, "handlers.log"),
      hasChannel: true,
    });
    const { controlPort } = await this.#program.message<{ readonly controlPort: number }>();
    this.#controlPort = controlPort;
    this.#readyMs = performance.now() - startedAt;
  }
}

async function startOwnPostgres(directory: string): Promise<Postgres> {
  const binaries = findPostgres();
  if (binaries === undefined) throw new Error("there is no PostgreSQL");
  return startPostgres(binaries, directory);
}

/** A database that is not there yet: DBOS makes it. */
function newDatabase(server: string): string {
  const url = new URL(server);
  url.pathname = `/holdfast_bench_${Date.now()}`;
  return url.href;
}
