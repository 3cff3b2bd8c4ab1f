import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

import { TerminalError } from "@holdfast/sdk";

import type { Address, DesiredInstances, Instance, InstanceSpec, Region } from "../ports/region.ts";
import { lastLines } from "./log-tail.ts";
import { SupervisedInstance, type SupervisionOptions } from "./supervised-instance.ts";

/** Exits in a row after which a deployment counts as broken. It is tried on, in case the fault was not its own. */
const FAILURES_MAX = 3;
const SHOWN_LINES_MAX = 20;

export interface ProcessRegionOptions extends Omit<SupervisionOptions, "region" | "onChange"> {
  readonly healthTimeoutMs: number;
}

/** A region that is this machine: each instance is a process with a port of its own. */
export class ProcessRegion implements Region {
  readonly name: string;
  readonly #options: ProcessRegionOptions;
  readonly #running = new Map<string, SupervisedInstance>();
  /** Instances on their way out, by deployment. */
  readonly #leaving = new Map<string, Promise<void>>();
  readonly #watchers = new Set<() => void>();
  #generation = -1;
  #isClosed = false;

  constructor(name: string, options: ProcessRegionOptions) {
    this.name = name;
    this.#options = options;
  }

  apply({ generation, instances }: DesiredInstances): void {
    if (generation <= this.#generation || this.#isClosed) return;
    const wanted = new Map(instances.map((spec) => [spec.deployment, spec]));
    if (this.#generation === -1) this.#deleteUnwanted(wanted);
    this.#generation = generation;
    for (const [deployment, instance] of this.#running) {
      if (!wanted.has(deployment)) this.#stop(deployment, instance);
    }
    for (const spec of wanted.values()) {
      if (!this.#running.has(spec.deployment)) this.#start(spec);
    }
    this.#changed();
  }

  async whenHealthy(deployment: string, signal: AbortSignal): Promise<Address> {
    const { clock, healthTimeoutMs } = this.#options;
    const deadline = clock.now() + healthTimeoutMs;
    let hasBeenThere = false;
    for (;;) {
      signal.throwIfAborted();
      const instance = this.#running.get(deployment);
      const address = instance?.view.status === "healthy" ? instance.view.address : undefined;
      if (address !== undefined) return address;
      if (instance === undefined && hasBeenThere) throw this.#unhealthy(deployment, "it is no longer wanted");
      hasBeenThere ||= instance !== undefined;
      if (instance !== undefined && instance.failures >= FAILURES_MAX) {
        throw this.#unhealthy(
          deployment,
          `it was started ${instance.failures} times, and ${instance.reason}`,
        );
      }
      const left = deadline - clock.now();
      if (left <= 0) {
        const reason = instance?.reason ?? "it was never started";
        throw this.#unhealthy(deployment, `within ${healthTimeoutMs / 1_000} s: ${reason}`);
      }
      await this.#nextChange(left, signal);
    }
  }

  async whenStopped(deployment: string): Promise<void> {
    await this.#leaving.get(deployment);
  }

  list(): readonly Instance[] {
    return [...this.#running.values()].map(({ view }) => view);
  }

  /** Ends all instances, to be started again by the next run of the program. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const pausing = [...this.#running.values()].map((instance) => instance.pause());
    this.#running.clear();
    await Promise.all([...pausing, ...this.#leaving.values()]);
  }

  #start(spec: InstanceSpec): void {
    const instance = new SupervisedInstance(spec, {
      ...this.#options,
      region: this.name,
      onChange: () => this.#changed(),
    });
    this.#running.set(spec.deployment, instance);
  }

  #stop(deployment: string, instance: SupervisedInstance): void {
    this.#running.delete(deployment);
    const leaving = instance.stop().finally(() => {
      if (this.#leaving.get(deployment) === leaving) this.#leaving.delete(deployment);
    });
    this.#leaving.set(deployment, leaving);
    leaving.catch(() => undefined); // Whoever waits for it is told.
  }

  /** At the first news of what is wanted: the files of what was stopped while a crash kept them from being deleted. */
  #deleteUnwanted(wanted: ReadonlyMap<string, InstanceSpec>): void {
    const { directory } = this.#options;
    mkdirSync(directory, { recursive: true });
    for (const name of readdirSync(directory)) {
      if (!wanted.has(name)) rmSync(join(directory, name), { recursive: true, force: true });
    }
  }

  /** Resolves after a change of any instance, and at the latest after `ms`. */
  async #nextChange(ms: number, signal: AbortSignal): Promise<void> {
    const given = new AbortController();
    const look = (): void => given.abort();
    this.#watchers.add(look);
    try {
      await this.#options.clock.sleep(ms, AbortSignal.any([given.signal, signal])).catch(() => undefined);
    } finally {
      this.#watchers.delete(look);
    }
  }

  #changed(): void {
    for (const look of this.#watchers) look();
  }

  #unhealthy(deployment: string, reason: string): TerminalError {
    const log = lastLines(this.#options.logPath(deployment), SHOWN_LINES_MAX);
    return new TerminalError(`${deployment} did not become healthy in ${this.name}: ${reason}.`, {
      code: "region_unhealthy",
      status: 422,
      data: { region: this.name, lastLines: log },
    });
  }
}
