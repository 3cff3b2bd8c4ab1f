/** The machine that the engine runs on: what survives its process, and how slow and how faulty it is. */
import type { EndpointManifest } from "@holdfast/protocol";
import type { FaultDisk, StoreMemory } from "@holdfast/server/parts";

import type { Random } from "../random.ts";
import type { Network } from "./network.ts";
import type { WallClock } from "./process-clock.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Tuning } from "./tuning.ts";

export type EngineMachine = {
  readonly scheduler: Scheduler;
  readonly network: Network;
  readonly wall: WallClock;
  readonly disk: FaultDisk;
  readonly storeMemory: StoreMemory;
  readonly random: Random;
  readonly tuning: Tuning;
  /** How long the next operation takes, ms. */
  readonly latency: { readonly diskMs: () => number; readonly commitMs: () => number };
  /** Whether the store's next commit finds the disk full. */
  readonly failCommit: () => boolean;
  readonly discover: (url: string) => Promise<EndpointManifest>;
};
