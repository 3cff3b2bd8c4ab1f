/** The log of the product, watched: what is handed to it, what it says is durable, what it lets go. */
import { hash } from "node:crypto";

import { decodeRecords } from "@holdfast/engine";
import type { AppendOutcome, LogBatch, PartitionLog } from "@holdfast/server/parts";

import type { LoggedBatch, WorldEvent } from "../invariants/world-event.ts";

export class ObservedLog implements PartitionLog {
  readonly #log: PartitionLog;
  readonly #life: number;
  readonly #emit: (event: WorldEvent) => void;

  constructor(log: PartitionLog, life: number, emit: (event: WorldEvent) => void) {
    this.#log = log;
    this.#life = life;
    this.#emit = emit;
  }

  get epoch(): number {
    return this.#log.epoch;
  }

  tail(): number {
    return this.#log.tail();
  }

  head(): number {
    return this.#log.head();
  }

  async append(batch: LogBatch, expectedTail: number): Promise<AppendOutcome> {
    const { position } = batch;
    this.#emit({ kind: "appended", life: this.#life, epoch: this.epoch, ...logged(batch) });
    const outcome = await this.#log.append(batch, expectedTail);
    if (outcome === "ok") this.#emit({ kind: "durable", life: this.#life, position });
    return outcome;
  }

  read(from: number): AsyncIterable<LogBatch> {
    return this.#log.read(from);
  }

  async trim(upTo: number): Promise<void> {
    await this.#log.trim(upTo);
    this.#emit({ kind: "trimmed", life: this.#life, upTo, head: this.#log.head() });
  }

  onFailed(listener: (reason: Error) => void): void {
    this.#log.onFailed?.(listener);
  }

  close(): Promise<void> {
    return this.#log.close();
  }
}

/** Everything a log holds, from its first batch on. */
export async function batchesOf(log: PartitionLog): Promise<LoggedBatch[]> {
  const batches: LoggedBatch[] = [];
  for await (const batch of log.read(log.head())) batches.push(logged(batch));
  return batches;
}

function logged({ position, payload }: LogBatch): LoggedBatch {
  // The writer goes on to use its memory, and records share it.
  const copy = payload.slice();
  return { position, records: decodeRecords(copy), hash: hash("sha1", copy) };
}
