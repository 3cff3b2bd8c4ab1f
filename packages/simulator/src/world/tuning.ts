/**
 * How the product is set in a run, drawn anew for each seed: mostly far smaller than anyone would set it, so that what is
 * rare in production (a new segment, a checkpoint, an eviction, an exhausted number, a full queue) happens all the time.
 */
import { defaultFoldSettings, type FoldSettings } from "@holdfast/engine";
import { INITIAL_SESSION_CREDIT_BYTES } from "@holdfast/protocol";
import { defaultEngineLimits, type EngineLimits, type CheckpointThresholds } from "@holdfast/server/parts";

import type { Random } from "../random.ts";

export type Tuning = {
  readonly segmentBytes: number;
  /** What a power cut can split. */
  readonly sectorBytes: number;
  /** Most bytes that the disk takes in one write. */
  readonly writeBytesMax: number;
  /** Sessions on one connection before it is replaced. */
  readonly sessionNumberMax: number;
  /** What a session may have under way in either direction. */
  readonly creditBytes: number;
  /** Attempts that one process of handlers takes. */
  readonly sessionsMax: number;
  readonly retentionIntervalMs: number;
  readonly fold: FoldSettings;
  readonly limits: EngineLimits;
  readonly checkpoints: CheckpointThresholds;
  /** Longest time that the disk takes for a write and its sync, and the store for a commit, ms. */
  readonly diskMs: number;
  readonly commitMs: number;
  readonly networkMs: number;
  readonly cutChance: number;
};

const KIB = 1024;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

export function drawTuning(random: Random): Tuning {
  const rarely = (usual: number, small: number, p = 0.25): number => (random.chance(p) ? small : usual);
  return {
    segmentBytes: random.pick([4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB]),
    sectorBytes: random.pick([512, 4 * KIB]),
    writeBytesMax: rarely(Number.MAX_SAFE_INTEGER, random.pick([64, 512, 1_000])),
    sessionNumberMax: rarely(2 ** 32 - 1, random.between(2, 20)),
    creditBytes: rarely(INITIAL_SESSION_CREDIT_BYTES, random.pick([200, 1_000, 8 * KIB]), 0.3),
    sessionsMax: rarely(10_000, random.between(2, 6)),
    retentionIntervalMs: random.pick([10 * 60_000, HOUR]),
    fold: {
      ...defaultFoldSettings,
      retryPolicy: {
        initialIntervalMs: random.pick([50, 500, 5_000]),
        factor: random.pick([1, 2, 10]),
        maxIntervalMs: random.pick([5_000, 60_000, HOUR]),
        maxAttempts: random.pick([4, 10, 70]),
        onMaxAttempts: "pause",
      },
      inactivityTimeoutMs: random.pick([100, 2_000, 60_000]),
      abortTimeoutMs: random.pick([30_000, 600_000]),
      journalRetentionMs: random.pick([0, HOUR, DAY]),
      idempotencyRetentionMs: random.pick([HOUR, DAY, 30 * DAY]),
      workflowRetentionMs: random.pick([HOUR, DAY, 30 * DAY]),
      inboxMax: rarely(defaultFoldSettings.inboxMax, random.between(1, 3), 0.3),
    },
    limits: {
      ...defaultEngineLimits,
      batchBytesMax: random.pick([256, 2 * KIB, 1024 * KIB]),
      pendingBytesMax: rarely(64 * 1024 * KIB, random.pick([2 * KIB, 16 * KIB]), 0.15),
      messageBytesMax: 1024 * KIB,
      attemptsMax: rarely(100_000, random.between(1, 4)),
    },
    checkpoints: {
      dirtyRows: random.pick([1, 5, 50, 20_000]),
      logBytes: random.pick([512, 8 * KIB, 32 * 1024 * KIB]),
      intervalMs: random.pick([100, 2_000, 10_000, HOUR]),
    },
    diskMs: random.pick([0.2, 2, 20]),
    commitMs: random.pick([1, 20, 500]),
    networkMs: random.pick([0.1, 2, 50]),
    cutChance: random.pick([0, 0.1, 0.7]),
  };
}
