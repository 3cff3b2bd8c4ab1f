/**
 * Tells quickly that a key is not in a set: a Bloom filter that grows by layers. It never says no to a key that was added.
 * Of keys that were not, about one in a hundred gets a yes.
 */

/** Bits for each key, and how many of them it sets. */
const BITS_PER_KEY = 12;
const PROBES = 4;
const FIRST_CAPACITY = 16_384;
/** Each layer holds so many times what the one before it holds, so that a look passes few of them. */
const GROWTH = 4;
const WORD_BITS = 32;

type Layer = {
  readonly words: Uint32Array;
  readonly bits: number;
  free: number;
};

export class KeyFilter {
  readonly #layers: Layer[] = [newLayer(FIRST_CAPACITY)];
  #newest = this.#layers[0] as Layer;
  #count = 0;

  /** Keys that were added, but for those that looked like another. */
  get count(): number {
    return this.#count;
  }

  add(key: string): void {
    if (this.#newest.free === 0) {
      this.#newest = newLayer((this.#newest.bits / BITS_PER_KEY) * GROWTH);
      this.#layers.push(this.#newest);
    }
    const { words, bits } = this.#newest;
    const [first, step] = hashesOf(key);
    let isNew = false;
    for (let probe = 0; probe < PROBES; probe++) {
      const bit = (first + probe * step) % bits;
      const word = Math.floor(bit / WORD_BITS);
      const mask = 1 << (bit % WORD_BITS);
      const before = words[word] ?? 0;
      if ((before & mask) === 0) isNew = true;
      words[word] = before | mask;
    }
    // Written again and again, a key takes no room a second time.
    if (!isNew) return;
    this.#newest.free -= 1;
    this.#count += 1;
  }

  mayHold(key: string): boolean {
    const [first, step] = hashesOf(key);
    return this.#layers.some((layer) => hasAllBits(layer, first, step));
  }

  get byteLength(): number {
    let total = 0;
    for (const { words } of this.#layers) total += words.byteLength;
    return total;
  }
}

function newLayer(capacity: number): Layer {
  const bits = capacity * BITS_PER_KEY;
  return { words: new Uint32Array(Math.ceil(bits / WORD_BITS)), bits, free: capacity };
}

function hasAllBits({ words, bits }: Layer, first: number, step: number): boolean {
  for (let probe = 0; probe < PROBES; probe++) {
    const bit = (first + probe * step) % bits;
    if (((words[Math.floor(bit / WORD_BITS)] ?? 0) & (1 << (bit % WORD_BITS))) === 0) return false;
  }
  return true;
}

/** Two independent numbers of 32 bits: two FNV-1a hashes with different primes, each stirred at the end. */
function hashesOf(key: string): readonly [number, number] {
  let first = 0x811c9dc5;
  let second = 0x01000193;
  for (let at = 0; at < key.length; at++) {
    const unit = key.charCodeAt(at);
    first = Math.imul(first ^ unit, 0x01000193);
    second = Math.imul(second ^ unit, 0x85ebca6b);
  }
  return [stir(first), stir(second)];
}

function stir(hash: number): number {
  let mixed = hash ^ (hash >>> 16);
  mixed = Math.imul(mixed, 0x7feb352d);
  mixed ^= mixed >>> 15;
  mixed = Math.imul(mixed, 0x846ca68b);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
