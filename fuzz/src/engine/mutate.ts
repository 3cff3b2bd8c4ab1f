/** Changes inputs: a few random edits, often with pieces of other inputs and the target's own tokens. */
import type { Random } from "./random.ts";
import type { Target } from "./target.ts";

export const INPUT_BYTES_MAX = 4096;
/** Now and then an input may become long, to see what nesting and sheer length do. */
const LONG_INPUT_BYTES_MAX = 256 * 1024;
const LONG_ONE_IN = 400;
const EDITS_MAX = 8;

/** Around a value, as often as one likes. */
const WRAPPINGS: ReadonlyArray<readonly [open: string, close: string]> = [
  ["[", "]"],
  ['{"a":', "}"],
  ['{"$map":[[1,', "]]}"],
];
const WRAPPED_MAX = 30_000;

/** Where lengths and counters are most often off by one. */
const EDGES = [0, 1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 63, 64, 100, 127, 128, 192, 224, 240, 254, 255];

export class Mutator {
  readonly #random: Random;
  readonly #tokens: readonly Uint8Array[];
  readonly #hasJson: boolean;

  constructor(random: Random, { tokens = [], hasJson = false }: Pick<Target, "tokens" | "hasJson">) {
    this.#random = random;
    this.#tokens = tokens.map((token) => Buffer.from(token, "latin1"));
    this.#hasJson = hasJson;
  }

  /** A new input from `input`, with pieces of `other`. */
  mutate(input: Uint8Array, other: Uint8Array): Uint8Array {
    const random = this.#random;
    // Deep nesting of something that is valid otherwise: an input with other edits would be refused for those.
    if (this.#hasJson && random.oneIn(LONG_ONE_IN)) return this.#wrap(input, WRAPPED_MAX);
    // Not `slice`: that of a Buffer is a view, and the edits would change the input itself.
    let bytes: Uint8Array = new Uint8Array(input);
    for (let edits = random.length(EDITS_MAX); edits > 0; edits--) bytes = this.#edit(bytes, other);
    if (random.oneIn(LONG_ONE_IN)) return this.#repeat(bytes, LONG_INPUT_BYTES_MAX);
    return bytes.length > INPUT_BYTES_MAX ? bytes.slice(0, INPUT_BYTES_MAX) : bytes;
  }

  #edit(bytes: Uint8Array, other: Uint8Array): Uint8Array {
    const random = this.#random;
    if (this.#hasJson && random.oneIn(3)) return this.#editValue(bytes);
    const at = random.below(bytes.length + 1);
    switch (random.below(11)) {
      case 0:
        return changed(bytes, at, (byte) => byte ^ (1 << random.below(8)));
      case 1:
        return changed(bytes, at, () => random.below(256));
      case 2:
        return changed(bytes, at, () => random.pick(EDGES) ?? 0);
      case 3:
        return changed(bytes, at, (byte) => byte + (random.oneIn(2) ? 1 : -1));
      case 4:
        return replaced(bytes, at, random.length(bytes.length - at), NOTHING);
      case 5:
        return replaced(bytes, at, 0, this.#noise());
      case 6:
        return replaced(bytes, at, 0, this.#piece(bytes));
      case 7:
        return replaced(bytes, at, random.oneIn(2) ? 0 : random.length(16), this.#piece(other));
      case 8:
        // The head of one and the tail of the other.
        return replaced(bytes, at, bytes.length, other.subarray(random.below(other.length + 1)));
      case 9:
        return this.#repeat(bytes, INPUT_BYTES_MAX);
      default:
        return this.#withToken(bytes, at);
    }
  }

  #editValue(bytes: Uint8Array): Uint8Array {
    if (this.#random.oneIn(4)) return this.#wrap(bytes, 4);
    const { at, length } = this.#value(bytes);
    const token = this.#random.pick(this.#tokens) ?? NOTHING;
    return replaced(bytes, at, length, token);
  }

  #wrap(bytes: Uint8Array, timesMax: number): Uint8Array {
    const { at, length } = this.#value(bytes);
    const times = 1 + this.#random.below(timesMax);
    const [open, close] = this.#random.pick(WRAPPINGS) ?? ["", ""];
    const value = Buffer.from(bytes.subarray(at, at + length)).toString("latin1");
    return replaced(
      bytes,
      at,
      length,
      Buffer.from(open.repeat(times) + value + close.repeat(times), "latin1"),
    );
  }

  /** Where there might be a value without others in it: between two marks of JSON. */
  #value(bytes: Uint8Array): { readonly at: number; readonly length: number } {
    const from = this.#random.below(bytes.length);
    let at = from;
    while (at > 0 && !BEFORE_VALUE.has(bytes[at - 1] ?? 0)) at--;
    let end = from;
    while (end < bytes.length && !BEHIND_VALUE.has(bytes[end] ?? 0)) end++;
    return { at, length: Math.max(0, end - at) };
  }

  #withToken(bytes: Uint8Array, at: number): Uint8Array {
    const token = this.#random.pick(this.#tokens) ?? this.#noise();
    return replaced(bytes, at, this.#random.oneIn(2) ? 0 : token.length, token);
  }

  #noise(): Uint8Array {
    return Uint8Array.from({ length: this.#random.length(16) }, () => this.#random.below(256));
  }

  #piece(bytes: Uint8Array): Uint8Array {
    const from = this.#random.below(bytes.length);
    return bytes.slice(from, from + this.#random.length(bytes.length - from));
  }

  /** Many copies of a piece or a token, one behind the other. */
  #repeat(bytes: Uint8Array, bytesMax: number): Uint8Array {
    const random = this.#random;
    const token = random.oneIn(2) ? random.pick(this.#tokens) : undefined;
    const at = random.below(bytes.length);
    const piece = token ?? bytes.slice(at, at + 1 + random.below(6));
    const room = bytesMax - bytes.length;
    if (piece.length === 0 || room < piece.length) return bytes;
    const copies = 1 + random.below(Math.floor(room / piece.length));
    return replaced(bytes, at, 0, Buffer.alloc(copies * piece.length, piece));
  }
}

const BEFORE_VALUE = new Set(Buffer.from("[{:,"));
const BEHIND_VALUE = new Set(Buffer.from(",]}"));
const NOTHING = new Uint8Array(0);

function changed(bytes: Uint8Array, at: number, change: (byte: number) => number): Uint8Array {
  const byte = bytes[at];
  if (byte !== undefined) bytes[at] = change(byte);
  return bytes;
}

function replaced(bytes: Uint8Array, at: number, length: number, by: Uint8Array): Uint8Array {
  return Buffer.concat([bytes.subarray(0, at), by, bytes.subarray(Math.min(bytes.length, at + length))]);
}
