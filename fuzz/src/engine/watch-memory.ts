/** The input that a worker is running, in memory that its supervisor can read while the worker is busy. */
import type { Watch } from "./attempt.ts";

const RUNNING = 0;
const COUNT = 1;
const LENGTH = 2;
const HEAD_BYTES = 12;
const INPUT_BYTES_MAX = 512 * 1024;

export function watchMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(HEAD_BYTES + INPUT_BYTES_MAX);
}

/** The worker's side. */
export function watchIn(memory: SharedArrayBuffer): Watch {
  const head = new Int32Array(memory, 0, 3);
  const bytes = new Uint8Array(memory, HEAD_BYTES);
  return {
    begin(input) {
      bytes.set(input.subarray(0, bytes.length));
      head[LENGTH] = Math.min(input.length, bytes.length);
      head[COUNT] = ((head[COUNT] ?? 0) + 1) | 0;
      head[RUNNING] = 1;
    },
    end() {
      head[RUNNING] = 0;
    },
  };
}

/** The supervisor's side. */
export class Watcher {
  readonly #head: Int32Array;
  readonly #bytes: Uint8Array;
  #lastCount = -1;
  #since = 0;

  constructor(memory: SharedArrayBuffer) {
    this.#head = new Int32Array(memory, 0, 3);
    this.#bytes = new Uint8Array(memory, HEAD_BYTES);
  }

  /** How long the present input has been running, as far as these calls could tell. */
  runningMs(now: number): number {
    const count = Atomics.load(this.#head, COUNT);
    if (Atomics.load(this.#head, RUNNING) === 0 || count !== this.#lastCount) {
      this.#lastCount = count;
      this.#since = now;
    }
    return now - this.#since;
  }

  input(): Uint8Array {
    return this.#bytes.slice(0, this.#head[LENGTH]);
  }
}
