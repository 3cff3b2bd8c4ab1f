/**
 * The only source of chance in a simulated run: everything that is drawn follows from one seed, on any machine.
 *
 * The generator is sfc32: integer arithmetic only, so that no rounding differs between processors.
 */
export interface Random {
  /** An integer from 0 to n - 1. `n` is an integer from 1 to 2^32. */
  below(n: number): number;
  /** True with probability `p`. */
  chance(p: number): boolean;
  /** One of the items, each as likely. There must be one. */
  pick<T>(items: readonly T[]): T;
  /** An integer from `min` to `max`, both included. */
  between(min: number, max: number): number;
  /**
   * A generator of its own, by tag. It depends on the seed and the tags alone, not on what was drawn before, so a draw
   * that is added in one place does not shift the draws of another.
   */
  fork(tag: string): Random;
  bytes(n: number): Uint8Array;
}

/** The generator of a seed: a text, or a number of any size. The same seed gives the same draws. */
export function createRandom(seed: string | bigint): Random {
  return new Sfc32(String(seed));
}

const WORD_VALUES = 2 ** 32;
/** The first words still resemble the hashed seed. */
const WARM_UP_ROUNDS = 15;

class Sfc32 implements Random {
  readonly #seed: string;
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: string) {
    this.#seed = seed;
    this.#a = hash(seed, 0x811c_9dc5);
    this.#b = hash(seed, 0x9e37_79b9);
    this.#c = hash(seed, 0x85eb_ca6b);
    for (let round = 0; round < WARM_UP_ROUNDS; round++) this.#word();
  }

  below(n: number): number {
    if (!Number.isInteger(n) || n < 1 || n > WORD_VALUES)
      throw new RangeError(`below(${n}): give an integer from 1 to 2^32`);
    // Words behind the last full multiple of n would make its first values likelier.
    const fair = WORD_VALUES - (WORD_VALUES % n);
    for (;;) {
      const word = this.#word();
      if (word < fair) return word % n;
    }
  }

  chance(p: number): boolean {
    return this.#word() / WORD_VALUES < p;
  }

  pick<T>(items: readonly T[]): T {
    if (items.length === 0) throw new RangeError("pick: there is nothing to pick from");
    return items[this.below(items.length)] as T;
  }

  between(min: number, max: number): number {
    return min + this.below(max - min + 1);
  }

  fork(tag: string): Random {
    // The length keeps "a" + "bc" and "ab" + "c" apart.
    return new Sfc32(`${this.#seed}/${tag.length}:${tag}`);
  }

  bytes(n: number): Uint8Array {
    const bytes = new Uint8Array(n);
    for (let at = 0; at < n; at++) bytes[at] = this.#word() >>> 24;
    return bytes;
  }

  #word(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }
}

/** FNV-1a over UTF-16 code units with a final mix, 32 bits. */
function hash(text: string, basis: number): number {
  let value = basis | 0;
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x0100_0193);
  value = Math.imul(value ^ (value >>> 16), 0x21f0_aaad);
  value = Math.imul(value ^ (value >>> 15), 0x735a_2d97);
  return value ^ (value >>> 15);
}
