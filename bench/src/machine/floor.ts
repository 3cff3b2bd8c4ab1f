/** What the disk takes for a sync and nothing else: 4 KiB written into a file that is there already, and fdatasync. */
import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";

import { Histogram } from "../load/histogram.ts";

const BLOCK_BYTES = 4_096;
const BLOCKS = 256;
const SYNCS_PER_ROUND = 40;
const NS_PER_MS = 1e6;

export interface Floor {
  /** Milliseconds of one write with its sync. */
  readonly p50: number;
  readonly p99: number;
  readonly samples: number;
}

export class FloorMeter {
  readonly #histogram = new Histogram();
  readonly #path: string;
  readonly #file: number;
  readonly #block = Buffer.alloc(BLOCK_BYTES, 1);
  #at = 0;

  constructor(directory: string) {
    this.#path = join(directory, "floor");
    this.#file = openSync(this.#path, "w");
    for (let i = 0; i < BLOCKS; i++) writeSync(this.#file, this.#block, 0, BLOCK_BYTES, i * BLOCK_BYTES);
    fdatasyncSync(this.#file);
  }

  /** Synchronous on purpose: nothing else of this process comes in between. */
  sample(): void {
    for (let i = 0; i < SYNCS_PER_ROUND; i++) {
      const startedAt = performance.now();
      writeSync(this.#file, this.#block, 0, BLOCK_BYTES, (this.#at % BLOCKS) * BLOCK_BYTES);
      fdatasyncSync(this.#file);
      this.#histogram.record((performance.now() - startedAt) * NS_PER_MS);
      this.#at += 1;
    }
  }

  result(): Floor {
    return {
      p50: this.#histogram.percentile(0.5) / NS_PER_MS,
      p99: this.#histogram.percentile(0.99) / NS_PER_MS,
      samples: this.#histogram.total,
    };
  }

  close(): void {
    closeSync(this.#file);
    rmSync(this.#path, { force: true });
  }
}
