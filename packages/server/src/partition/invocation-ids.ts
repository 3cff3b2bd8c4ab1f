/** Ids for new invocations: random, or derived from what makes two submissions the same. */
import { createHmac, hash, randomFillSync } from "node:crypto";

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
  readonly #digest: (bytes: Uint8Array) => Uint8Array;
  readonly #pool = new Uint8Array(POOL_BYTES);
  #used = POOL_BYTES;

  /**
   * `secret`: without it, whoever knows an idempotency key or a workflow's key can work out the id that follows from it, and
   * with it the ids of that invocation's awakeables. "" for none.
   */
  constructor(now: () => number, secret = "", fillRandom: (bytes: Uint8Array) => void = randomFillSync) {
    this.#now = now;
    this.#fillRandom = fillRandom;
    this.#digest = secret === "" ? sha256 : (bytes) => createHmac("sha256", secret).update(bytes).digest();
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

  /**
   * The same idempotency key or workflow key always gives the same id; everything else a new one. Idempotency keys of
   * different principals have nothing to do with each other.
   */
  forInvocation(address: InvocationAddress): string {
    const { service, key, handler, idempotencyKey, principal } = address;
    if (address.isRun) return this.#derived(key, ["wf", service, key]);
    if (idempotencyKey !== undefined) {
      // The parts are joined with commas, so a name that callers choose must have none before others follow.
      const scope = principal === undefined ? ["ik"] : ["pik", encodeURIComponent(principal)];
      const parts = key === "" ? [...scope, service, handler] : [...scope, service, key, handler];
      return this.#derived(key === "" ? `${service},${idempotencyKey}` : key, [...parts, idempotencyKey]);
    }
    const partitionKey = key === "" ? this.#random(PARTITION_KEY_BYTES) : partitionKeyOf(key);
    return formatInvocationId(newRawInvocationId(partitionKey, this.#now(), this.#random(UUID_RANDOM_BYTES)));
  }

  #derived(partitionText: string, parts: string[]): string {
    return formatInvocationId(
      rawInvocationIdOf(partitionKeyOf(partitionText), deterministicUuid(parts, this.#digest)),
    );
  }
}

function sha256(bytes: Uint8Array): Uint8Array {
  return hash("sha256", bytes, "buffer");
}
