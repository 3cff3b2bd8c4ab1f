import type { Servable } from "@holdfast/sdk";

import type { Builder } from "../ports/builder.ts";
import type { Edge } from "../ports/edge.ts";
import type { Region } from "../ports/region.ts";
import type { TreeStore } from "../ports/tree-store.ts";
import type { Workspace } from "../ports/workspace.ts";
import type { StepRecorder } from "../steps/step-recorder.ts";
import { defineCatalogue } from "./catalogue.ts";
import { defineCleanup } from "./cleanup.ts";
import { defineDeploy } from "./deploy.ts";
import { defineDomain } from "./domain.ts";
import { defineRegion } from "./region.ts";

/** All that the durable part needs of the world. */
export interface Ports {
  readonly builder: Builder;
  readonly store: TreeStore;
  readonly edge: Edge;
  readonly regions: readonly Region[];
  readonly recorder: StepRecorder;
  readonly workspace: Workspace;
}

export interface Services {
  readonly deploy: ReturnType<typeof defineDeploy>;
  readonly domain: ReturnType<typeof defineDomain>;
  readonly region: ReturnType<typeof defineRegion>;
  readonly catalogue: ReturnType<typeof defineCatalogue>;
  readonly cleanup: ReturnType<typeof defineCleanup>;
}

/** The durable part of Slipway, on the given ports. */
export function defineServices(ports: Ports): Services {
  const catalogue = defineCatalogue();
  const domain = defineDomain(ports);
  const region = defineRegion(ports);
  const cleanup = defineCleanup({ ...ports, domain, region, catalogue });
  const deploy = defineDeploy({ ...ports, domain, region, catalogue });
  return { deploy, domain, region, catalogue, cleanup };
}

export function servablesOf({ deploy, domain, region, catalogue, cleanup }: Services): readonly Servable[] {
  return [deploy, domain, region, catalogue, cleanup];
}
