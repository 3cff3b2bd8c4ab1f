/** Ports that do nothing but remember: what the durable part asked for is the result of its tests. */
import { TerminalError } from "@holdfast/sdk";

import type { Ports } from "../durable/services.ts";
import type { Builder, BuildRequest, Built } from "../ports/builder.ts";
import type { Edge, EdgeAnswer } from "../ports/edge.ts";
import type { Address, DesiredInstances, Instance, Region } from "../ports/region.ts";
import type { TreeStore } from "../ports/tree-store.ts";
import type { StepExecution, StepRecorder } from "../steps/step-recorder.ts";

const PORT_BASE = 3000;

/** A region whose instances are healthy as soon as they are wanted, unless the test says otherwise. */
export class FakeRegion implements Region {
  readonly name: string;
  /** Deployments that never become healthy here, and why. */
  readonly broken = new Map<string, string>();
  /** Deployments that have not become healthy yet. */
  readonly slow = new Set<string>();
  #desired: DesiredInstances = { generation: -1, instances: [] };
  #waiting = new Set<() => void>();

  constructor(name: string) {
    this.name = name;
  }

  get running(): readonly string[] {
    return this.#desired.instances.map(({ deployment }) => deployment);
  }

  apply(desired: DesiredInstances): void {
    if (desired.generation < this.#desired.generation) return;
    this.#desired = desired;
    this.changed();
  }

  /** After changing `slow` or `broken`. */
  changed(): void {
    for (const look of this.#waiting) look();
  }

  whenHealthy(deployment: string, signal: AbortSignal): Promise<Address> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const reason = this.broken.get(deployment);
        const isWanted = this.running.includes(deployment);
        if (isWanted && reason === undefined && this.slow.has(deployment) && !signal.aborted) return;
        this.#waiting.delete(look);
        if (isWanted && reason === undefined && !signal.aborted)
          resolve({ host: "127.0.0.1", port: PORT_BASE });
        else reject(new TerminalError(reason ?? `${deployment} is not wanted`, { code: "region_unhealthy" }));
      };
      this.#waiting.add(look);
      signal.addEventListener("abort", look, { once: true });
      look();
    });
  }

  whenStopped(): Promise<void> {
    return Promise.resolve();
  }

  list(): readonly Instance[] {
    return this.#desired.instances.map(({ deployment }) => ({
      deployment,
      status: "healthy",
      address: { host: "127.0.0.1", port: PORT_BASE },
      restarts: 0,
    }));
  }
}

export class FakeBuilder implements Builder {
  readonly builds: BuildRequest[] = [];
  failure: Error | undefined = undefined;

  build(request: BuildRequest): Promise<Built> {
    this.builds.push(request);
    if (this.failure !== undefined) return Promise.reject(this.failure);
    const artifact = { digest: `sha256:artifact-of-${request.source}`, files: 2, bytes: 20 };
    return Promise.resolve({ artifact, start: "node server.js" });
  }
}

export class FakeStore implements TreeStore {
  readonly released: string[] = [];

  put(): Promise<never> {
    return Promise.reject(new Error("nothing here is stored"));
  }

  digestOf(): Promise<never> {
    return Promise.reject(new Error("nothing here has a digest"));
  }

  unpack(): Promise<never> {
    return Promise.reject(new Error("nothing here is unpacked"));
  }

  release(holder: string): Promise<void> {
    this.released.push(holder);
    return Promise.resolve();
  }
}

export class FakeEdge implements Edge {
  readonly routes = new Map<string, string | undefined>();
  /** Every change of a route, in order. */
  readonly changes: string[] = [];
  status = 200;
  /** Runs while the edge changes a route. */
  onRoute: () => void = () => undefined;

  route(host: string, { deployment }: { readonly deployment: string | undefined }): void {
    this.onRoute();
    this.routes.set(host, deployment);
    this.changes.push(`${host} -> ${deployment ?? "nothing"}`);
  }

  visit(host: string): Promise<EdgeAnswer> {
    return Promise.resolve({ status: this.status, deployment: this.routes.get(host) ?? "" });
  }
}

/** Names of the executed steps, in the order in which they began. */
export class FakeRecorder implements StepRecorder {
  readonly steps: string[] = [];

  async record<Result>(step: StepExecution, work: () => Result | Promise<Result>): Promise<Result> {
    this.steps.push(`${step.deployment}: ${step.name}`);
    return work();
  }
}

export interface FakePorts extends Ports {
  readonly builder: FakeBuilder;
  readonly store: FakeStore;
  readonly edge: FakeEdge;
  readonly regions: readonly [FakeRegion, FakeRegion];
  readonly recorder: FakeRecorder;
  readonly removedWorkspaces: readonly string[];
}

export function fakePorts(): FakePorts {
  const removedWorkspaces: string[] = [];
  return {
    builder: new FakeBuilder(),
    store: new FakeStore(),
    edge: new FakeEdge(),
    regions: [new FakeRegion("fra"), new FakeRegion("iad")],
    recorder: new FakeRecorder(),
    removedWorkspaces,
    workspace: {
      remove: (deployment) => {
        removedWorkspaces.push(deployment);
        return Promise.resolve();
      },
    },
  };
}
