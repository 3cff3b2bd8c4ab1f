import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";

import { Holdfast } from "@holdfast/server";

import { NpmBuilder } from "./build/npm-builder.ts";
import type { Config } from "./config.ts";
import { Deployments } from "./deployments.ts";
import { CATALOGUE, type DeploymentEntry } from "./durable/catalogue.ts";
import type { DomainState } from "./durable/domain-state.ts";
import type { SwitchOutcome } from "./durable/domain.ts";
import { defineServices, servablesOf, type Services } from "./durable/services.ts";
import { EdgeServer } from "./edge/edge-server.ts";
import type { Instance } from "./ports/region.ts";
import { killLeftovers } from "./process/leftovers.ts";
import { ProcessRegion } from "./region/process-region.ts";
import { LedgerRecorder, type StepNews } from "./steps/ledger-recorder.ts";
import type { LedgerLine } from "./steps/ledger.ts";
import { DirectoryStore } from "./store/directory-store.ts";
import { systemClock } from "./system-clock.ts";

export const REGION_NAMES = ["fra", "iad"] as const;

/** What happens while the platform runs, for whoever shows it. */
export interface PlatformEvents {
  readonly onStep: (news: StepNews) => void;
  readonly onBuildOutput: (deployment: string, line: string) => void;
  readonly onWarning: (message: string) => void;
}

/** One host name and all there is to know about it. */
export interface HostStatus {
  readonly host: string;
  readonly app: string;
  readonly domain: DomainState;
  readonly regions: readonly { readonly name: string; readonly instances: readonly Instance[] }[];
}

/** A running Slipway: the durable part on Holdfast, and regions, edge and builder on this machine. */
export class Platform {
  readonly deployments: Deployments;
  /** Processes of an earlier run that had to be ended. */
  readonly leftovers: number;
  readonly #parts: Parts;
  #edgePort = 0;

  private constructor(parts: Parts) {
    this.#parts = parts;
    this.leftovers = parts.leftovers;
    this.deployments = new Deployments({
      engine: parts.engine,
      services: parts.services,
      store: parts.store,
      recorder: parts.recorder,
      dataDirectory: parts.config.dataDirectory,
    });
  }

  /** Recovers and goes on with whatever was under way. The caller holds the lock on the data directory. */
  static async open(config: Config, run: string, events: PlatformEvents): Promise<Platform> {
    // 1. Nothing of an earlier run is left, so nothing changes below us what we are about to read.
    const leftovers = killLeftovers(config.dataDirectory);
    const parts = await openParts(config, run, events);

    // 2. From here on interrupted workflows go on, against ports that are all there.
    const services = defineServices(parts);
    const engine = await Holdfast.open({
      dir: join(config.dataDirectory, "engine"),
      services: servablesOf(services),
      onWarning: events.onWarning,
    });
    const platform = new Platform({ ...parts, config, leftovers, services, engine });

    // 3. What is to run runs, and what is live is served.
    await platform.#reconcile();
    platform.#edgePort = await parts.edge.listen(config.edgePort);
    return platform;
  }

  get edgePort(): number {
    return this.#edgePort;
  }

  urlOf(host: string): string {
    return `http://${host}:${this.#edgePort}`;
  }

  /** Where a deployment's files are: logs and ledger. */
  directoryOf(deployment: string): string {
    return join(this.#parts.config.dataDirectory, "deployments", deployment);
  }

  ledger(deployment: string): readonly LedgerLine[] {
    return this.#parts.recorder.lines(deployment);
  }

  /** Leads the host name back to the deployment before the one that is live now. */
  async rollBack(host: string): Promise<SwitchOutcome> {
    const { engine, services } = this.#parts;
    const { live } = await engine.call(services.domain.read, host);
    return engine.call(services.domain.rollBack, host, live ?? "");
  }

  async status(): Promise<readonly HostStatus[]> {
    const { engine, services, regions } = this.#parts;
    const apps = new Map((await this.deployments.list()).map(({ host, app }) => [host, app]));
    return Promise.all(
      [...apps].map(async ([host, app]) => {
        const domain = await engine.call(services.domain.read, host);
        const known = new Set(domain.candidates.map(({ deployment }) => deployment));
        return {
          host,
          app,
          domain,
          regions: regions.map((region) => ({
            name: region.name,
            instances: region.list().filter(({ deployment }) => known.has(deployment)),
          })),
        };
      }),
    );
  }

  /** The one deployment of a host name that visitors see. */
  async liveOf(host: string): Promise<DeploymentEntry | undefined> {
    const { engine, services } = this.#parts;
    const [{ live }, entries] = await Promise.all([
      engine.call(services.domain.read, host),
      engine.call(services.catalogue.list, CATALOGUE),
    ]);
    return entries.find(({ deployment }) => deployment === live);
  }

  /** Resolves when the host name's deployment is healthy in all regions. */
  async whenServed(host: string, deployment: string, signal: AbortSignal): Promise<void> {
    const { regions, edge } = this.#parts;
    await Promise.all(regions.map((region) => region.whenHealthy(deployment, signal)));
    await edge.visit(host, signal);
  }

  /** Ends what runs. Deployments under way go on at the next start. */
  async close(): Promise<void> {
    const { edge, engine, regions } = this.#parts;
    await edge.close();
    // The engine first: what its steps wait for may never come once the regions are closed.
    await engine.close();
    await Promise.all(regions.map((region) => region.close()));
  }

  /** Brings regions and edge, which forgot everything, to what the objects say. */
  async #reconcile(): Promise<void> {
    const { edge, engine, regions, services } = this.#parts;
    await Promise.all(
      regions.map(async (region) => region.apply(await engine.call(services.region.read, region.name))),
    );
    const hosts = new Set((await this.deployments.list()).map(({ host }) => host));
    await Promise.all(
      [...hosts].map(async (host) => {
        const { live, version } = await engine.call(services.domain.read, host);
        edge.route(host, { deployment: live, version });
      }),
    );
  }
}

interface Parts extends Awaited<ReturnType<typeof openParts>> {
  readonly config: Config;
  readonly leftovers: number;
  readonly engine: Holdfast;
  readonly services: Services;
}

/** The ports, each on its folder of the data directory. */
async function openParts(config: Config, run: string, events: PlatformEvents) {
  const { dataDirectory: owner, environment, healthTimeoutMs, npm } = config;
  const deploymentsDirectory = join(owner, "deployments");
  const workDirectory = join(owner, "work");
  await rm(workDirectory, { recursive: true, force: true });
  await mkdir(workDirectory, { recursive: true });

  const store = await DirectoryStore.open(join(owner, "store"));
  const recorder = new LedgerRecorder({
    clock: systemClock,
    directory: deploymentsDirectory,
    run,
    onNews: events.onStep,
  });
  const regions = REGION_NAMES.map(
    (name) =>
      new ProcessRegion(name, {
        clock: systemClock,
        store,
        directory: join(owner, "regions", name),
        logPath: (deployment) => join(deploymentsDirectory, deployment, `${name}.log`),
        owner,
        environment,
        healthTimeoutMs,
      }),
  );
  const builder = new NpmBuilder({
    store,
    workDirectory,
    logPath: (deployment) => join(deploymentsDirectory, deployment, "build.log"),
    onOutput: events.onBuildOutput,
    owner,
    environment,
    npm,
  });
  const workspace = {
    remove: async (deployment: string): Promise<void> => {
      recorder.forget(deployment);
      await rm(join(deploymentsDirectory, deployment), { recursive: true, force: true });
    },
  };
  return { store, recorder, regions, builder, workspace, edge: new EdgeServer(regions) };
}
