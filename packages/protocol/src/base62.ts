/**
 * The number form inside ids: base 62 with the alphabet 0-9a-zA-Z, fixed width, of the bytes read as a little-endian
 * integer. Works on 32-bit limbs, three characters at a time: a remainder below 62^3 times 2^32 still fits a double.
 */

const CHARACTERS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const CUBE = 62 * 62 * 62;
const TWO_32 = 2 ** 32;
const INVALID = 0xff;

const codes = new Uint8Array(62);
const values = new Uint8Array(128).fill(INVALID);
for (let index = 0; index < 62; index++) {
  const code = CHARACTERS.charCodeAt(index);
  codes[index] = code;
  values[code] = index;
}

/** Least significant limb first; four are enough for 128 bits. Shared scratch: nothing here calls out. */
const limbs = new Float64Array(4);

/** Writes `width` characters that stand for `length` bytes (8 or 16) of `raw` from `start` into `output` at `at`. */
export function writeBase62(
  raw: Uint8Array,
  start: number,
  length: number,
  output: Uint8Array,
  at: number,
  width: number,
): void {
  let count = length >> 2;
  for (let index = 0; index < count; index++) limbs[index] = readLimb(raw, start + index * 4);
  let position = at + width;
  while (position > at) {
    let remainder = 0;
    for (let index = count - 1; index >= 0; index--) {
      const dividend = remainder * TWO_32 + (limbs[index] ?? 0);
      const quotient = Math.floor(dividend / CUBE);
      limbs[index] = quotient;
      remainder = dividend - quotient * CUBE;
    }
    if (count > 1 && limbs[count - 1] === 0) count--;
    const groupStart = Math.max(at, position - 3);
    while (position > groupStart) {
      output[--position] = codes[remainder % 62] ?? 0;
      remainder = (remainder / 62) | 0;
    }
  }
}

/** Reverses `writeBase62` for the text's characters from `at`. False when they stand for no number of that many bytes. */
export function readBase62(
  text: string,
  at: number,
  width: number,
  raw: Uint8Array,
  start: number,
  length: number,
): boolean {
  const count = length >> 2;
  /** Limbs above this one are still zero, which halves the work. */
  let used = 0;
  let position = at;
  const end = at + width;
  while (position < end) {
    let carry = 0;
    let factor = 1;
    const groupEnd = Math.min(end, position + 3);
    while (position < groupEnd) {
      const value = values[text.charCodeAt(position++)] ?? INVALID;
      if (value === INVALID) return false;
      carry = carry * 62 + value;
      factor *= 62;
    }
    for (let index = 0; index < used; index++) {
      const product = (limbs[index] ?? 0) * factor + carry;
      carry = Math.floor(product / TWO_32);
      limbs[index] = product - carry * TWO_32;
    }
    if (carry === 0) continue;
    if (used === count) return false;
    limbs[used++] = carry;
  }
  for (let index = 0; index < count; index++) {
    writeLimb(raw, start + index * 4, index < used ? (limbs[index] ?? 0) : 0);
  }
  return true;
}

function readLimb(bytes: Uint8Array, at: number): number {
  const low = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16);
  return (low | ((bytes[at + 3] ?? 0) << 24)) >>> 0;
}

function writeLimb(bytes: Uint8Array, at: number, limb: number): void {
  bytes[at] = limb;
  bytes[at + 1] = limb >>> 8;
  bytes[at + 2] = limb >>> 16;
  bytes[at + 3] = limb >>> 24;
}
