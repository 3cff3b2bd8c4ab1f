/**
 * Room for bodies that are being received, all connections together: each has a limit of its own, but ten thousand of them
 * at their limits would be more memory than there is. Counted is what has arrived, not what was announced, so that nobody
 * takes room by announcing.
 */
import { HoldfastError } from "@holdfast/protocol";

/**
 * What it takes to hold a chunk, beside its bytes: the object, and memory of its own. Some 200 bytes of the heap and several
 * hundred outside of it, so that a body that comes a byte at a time takes hundreds of times its length.
 */
export const CHUNK_ROOM_BYTES = 512;

/** What a chunk takes of the budget while it is held. */
export function roomOf(chunk: Uint8Array): number {
  return chunk.length + CHUNK_ROOM_BYTES;
}

export class ReceiveBudget {
  readonly #bytesMax: number;
  readonly #name: string;
  #bytes = 0;

  /** `name`: of the setting, for the error. */
  constructor(bytesMax: number, name: string) {
    this.#bytesMax = bytesMax;
    this.#name = name;
  }

  /** What is being held, see `roomOf`. */
  get bytes(): number {
    return this.#bytes;
  }

  /** False: there is no room, and nothing was taken. */
  take(bytes: number): boolean {
    if (this.#bytes + bytes > this.#bytesMax) return false;
    this.#bytes += bytes;
    return true;
  }

  /** What was taken before, once the body is complete or given up. */
  giveBack(bytes: number): void {
    this.#bytes -= bytes;
  }

  /** What whoever finds no room is told. */
  refusal(): HoldfastError {
    const [name, limit] = [this.#name, this.#bytesMax];
    const reason = `bodies of ${limit} bytes are being received, the limit ${name}`;
    return new HoldfastError("overloaded", { reason, name, limit });
  }
}
