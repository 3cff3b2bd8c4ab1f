import { closeSync, existsSync, mkdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";

import type { Clock } from "../ports/clock.ts";
import type { Address, Instance, InstanceSpec, InstanceStatus } from "../ports/region.ts";
import type { TreeStore } from "../ports/tree-store.ts";
import { childEnvironment } from "../process/child-environment.ts";
import { LeashedProcess } from "../process/leashed-process.ts";
import { returnPort, takeFreePort } from "./free-port.ts";
import { probe } from "./health-probe.ts";
import { openLog } from "./log-tail.ts";

const PROBE_INTERVAL_MS = 50;
const PROBE_INTERVAL_MS_MAX = 500;
const BACKOFF_MS = 200;
const BACKOFF_MS_MAX = 10_000;
/** Having been healthy for this long, an instance that exits is restarted at once. */
const STABLE_MS = 10_000;
/** A program that was just killed may still hold its files, on some systems. */
const DELETE_RETRIES = 5;

export interface SupervisionOptions {
  readonly region: string;
  readonly clock: Clock;
  readonly store: TreeStore;
  /** Where instances of this region are unpacked, one folder each. */
  readonly directory: string;
  readonly logPath: (deployment: string) => string;
  /** The data directory. */
  readonly owner: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Told of everything that changes what `Instance` says. */
  readonly onChange: () => void;
}

/** Keeps one instance running: unpacks it, starts it, asks for its health, starts it again when it exits. */
export class SupervisedInstance {
  readonly spec: InstanceSpec;
  /** Why it is not healthy, as far as that is known. */
  reason = "it has not been started yet";
  /** Exits in a row without having been healthy for a while. */
  failures = 0;
  readonly #options: SupervisionOptions;
  readonly #stopping = new AbortController();
  readonly #finished: Promise<void>;
  #status: InstanceStatus = "starting";
  #address: Address | undefined = undefined;
  #starts = 0;

  constructor(spec: InstanceSpec, options: SupervisionOptions) {
    this.spec = spec;
    this.#options = options;
    this.#finished = this.#supervise();
  }

  get view(): Instance {
    const { deployment } = this.spec;
    const restarts = Math.max(0, this.#starts - 1);
    return { deployment, status: this.#status, address: this.#address, restarts };
  }

  /** Ends it and deletes its files. Resolves when both is done. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#become("stopping", undefined);
    await this.#finished;
    await rm(this.#home, { recursive: true, force: true, maxRetries: DELETE_RETRIES });
  }

  /** Ends it and keeps its files: the program is about to end, and will want them at its next start. */
  async pause(): Promise<void> {
    this.#stopping.abort();
    await this.#finished;
  }

  get #home(): string {
    return join(this.#options.directory, this.spec.deployment);
  }

  async #supervise(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const healthyMs = await this.#runOnce().catch((error: unknown) => {
        this.reason = error instanceof Error ? error.message : String(error);
        return 0;
      });
      if (signal.aborted) return;
      this.failures = healthyMs >= STABLE_MS ? 0 : this.failures + 1;
      this.#become("restarting", undefined);
      const wait = this.failures === 0 ? 0 : BACKOFF_MS * 2 ** (this.failures - 1);
      await this.#options.clock.sleep(Math.min(wait, BACKOFF_MS_MAX), signal).catch(() => undefined);
    }
  }

  /** One life of the program. Resolves with how long it was healthy. */
  async #runOnce(): Promise<number> {
    const { clock, store, region } = this.#options;
    const { artifact, deployment, start } = this.spec;
    const { signal } = this.#stopping;
    const directory = join(this.#home, "app");
    if (!existsSync(directory)) {
      await rm(this.#home, { recursive: true, force: true }); // What an interrupted attempt left.
      await store.unpack(artifact, directory);
    }
    const port = await takeFreePort();
    let program: LeashedProcess | undefined;
    try {
      signal.throwIfAborted();
      program = this.#start(start, directory, { PORT: String(port), REGION: region, DEPLOYMENT: deployment });
      this.#starts += 1;
      const ended = new AbortController();
      const exit = program.exited.then((code) => {
        ended.abort();
        return code;
      });
      const healthySince = this.#watch(port, ended.signal);
      const stop = (): void => void program?.stop(); // `exit` below tells when it has ended.
      signal.addEventListener("abort", stop, { once: true });
      if (signal.aborted) stop();
      const exitCode = await exit;
      const since = await healthySince;
      this.reason = `its process ended with exit code ${exitCode}`;
      return since === undefined ? 0 : clock.now() - since;
    } finally {
      returnPort(port);
    }
  }

  #start(
    commandLine: string,
    directory: string,
    variables: Readonly<Record<string, string>>,
  ): LeashedProcess {
    const { environment, logPath, owner } = this.#options;
    const path = logPath(this.spec.deployment);
    mkdirSync(dirname(path), { recursive: true });
    const log = openLog(path);
    try {
      const additions = { HOST: "127.0.0.1", NODE_ENV: "production", ...variables };
      return LeashedProcess.start({
        commandLine,
        directory,
        environment: childEnvironment(environment, { owner, directory }, additions),
        output: log,
      });
    } finally {
      closeSync(log); // The program has a copy.
    }
  }

  /** Probes until the program is healthy or has ended. Returns when it became healthy. */
  async #watch(port: number, ended: AbortSignal): Promise<number | undefined> {
    const { clock } = this.#options;
    const stop = AbortSignal.any([ended, this.#stopping.signal]);
    for (let wait = PROBE_INTERVAL_MS; !stop.aborted; wait = Math.min(wait * 1.5, PROBE_INTERVAL_MS_MAX)) {
      const result = await probe(port, this.spec.host);
      if (stop.aborted) return undefined;
      if (result.kind === "healthy") {
        this.#become("healthy", result.address);
        return clock.now();
      }
      this.reason = result.reason;
      await clock.sleep(wait, stop).catch(() => undefined);
    }
    return undefined;
  }

  #become(status: InstanceStatus, address: Address | undefined): void {
    this.#status = status;
    this.#address = address;
    this.#options.onChange();
  }
}
