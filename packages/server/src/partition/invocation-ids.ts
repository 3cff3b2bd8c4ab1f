/** Ids for new invocations: random, or derived from what makes two submissions the same. */
import { hash, randomFillSync } from "node:crypto";

import {
  deterministicUuid,
  formatDeploymentId,
  formatInvocationId,
  newRawInvocationId,
  newUlid,
  PARTITION_KEY_BYTES,
  partitionKeyOf,
  rawInvocationIdOf,
} from "@holdfast/protocol";

import type { InvocationAddress } from "./engine-access.ts";

const UUID_RANDOM_BYTES = 10;
/** Random bytes are drawn in bulk: a call into the operating system for each id would cost more than the id. */
const POOL_BYTES = 8_192;

export class InvocationIds {
  readonly #now: () => number;
  readonly #fillRandom: (bytes: Uint8Array) => void;
  readonly #pool = new Uint8Array(POOL_BYTES);
  #used = POOL_BYTES;

  constructor(now: () => number, fillRandom: (bytes: Uint8Array) => void = randomFillSync) {
    this.#now = now;
    this.#fillRandom = fillRandom;
  }

  #random(count: number): Uint8Array {
    if (this.#used + count > POOL_BYTES) {
      this.#fillRandom(this.#pool);
      this.#used = 0;
    }
    const bytes = this.#pool.subarray(this.#used, this.#used + count);
    this.#used += count;
    return bytes;
  }

  forDeployment(): string {
    return formatDeploymentId(newUlid(this.#now(), this.#random(UUID_RANDOM_BYTES)));
  }

  /** The same idempotency key or workflow key always gives the same id; everything else a new one. */
  forInvocation(address: InvocationAddress): string {
    const { service, key, handler, idempotencyKey } = address;
    if (address.isRun) return this.#derived(key, ["wf", service, key]);
    if (idempotencyKey !== undefined) {
      const parts = key === "" ? ["ik", service, handler] : ["ik", service, key, handler];
      return this.#derived(key === "" ? `${service},${idempotencyKey}` : key, [...parts, idempotencyKey]);
    }
    const partitionKey = key === "" ? this.#random(PARTITION_KEY_BYTES) : partitionKeyOf(key);
    return formatInvocationId(newRawInvocationId(partitionKey, this.#now(), this.#random(UUID_RANDOM_BYTES)));
  }

  #derived(partitionText: string, parts: string[]): string {
    return formatInvocationId(
      rawInvocationIdOf(partitionKeyOf(partitionText), deterministicUuid(parts, sha256)),
    );
  }
}

function sha256(bytes: Uint8Array): Uint8Array {
  return hash("sha256", bytes, "buffer");
}
