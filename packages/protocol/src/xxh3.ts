/**
 * XXH3 with 64 bits, seed 0 and the standard secret, after the published algorithm (Yann Collet, xxHash).
 *
 * Every keyed call hashes its key, so this is arithmetic on pairs of 32-bit halves: the same with BigInt takes twenty
 * times as long. The pair under work is `low` and `high`; a function's comment says what it does to them.
 */

const SECRET_HEX =
  "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671fcb79e64eccc0e578825ad07dccff7221" +
  "b8084674f743248ee03590e6813a264c3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8" +
  "a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364eac5ac8334d3ebc3c581a0fffa1363eb" +
  "170ddd51b7f0da49d316552629d4689e2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e";

const STRIPE_BYTES = 64;
const STRIPES_PER_BLOCK = 16;
const BLOCK_BYTES = STRIPE_BYTES * STRIPES_PER_BLOCK;
/** Eight lanes to begin with, low half first: primes of the algorithm. */
const FIRST_LANES = [
  0xc2b2ae3d, 0x00000000, 0x85ebca87, 0x9e3779b1, 0x27d4eb4f, 0xc2b2ae3d, 0x9e3779f9, 0x165667b1, 0xc2b2ae63,
  0x85ebca77, 0x85ebca77, 0x00000000, 0x165667c5, 0x27d4eb2f, 0x9e3779b1, 0x00000000,
] as const;

const secret = Uint8Array.from({ length: 192 }, (_, index) =>
  Number.parseInt(SECRET_HEX.slice(index * 2, index * 2 + 2), 16),
);

let low = 0;
let high = 0;
/** The sum that `addPair` adds to. */
let sumLow = 0;
let sumHigh = 0;

/** The hash of `input` as eight big-endian bytes. */
export function xxh3(input: Uint8Array): Uint8Array {
  const length = input.length;
  if (length === 0) hashNothing();
  else if (length <= 3) hashUpTo3(input, length);
  else if (length <= 8) hashUpTo8(input, length);
  else if (length <= 16) hashUpTo16(input, length);
  else if (length <= 128) hashUpTo128(input, length);
  else if (length <= 240) hashUpTo240(input, length);
  else hashLong(input, length);
  const output = new Uint8Array(8);
  writeWord(output, 0, high);
  writeWord(output, 4, low);
  return output;
}

function hashNothing(): void {
  low = word(secret, 56) ^ word(secret, 64);
  high = word(secret, 60) ^ word(secret, 68);
  avalancheXxh64();
}

function hashUpTo3(input: Uint8Array, length: number): void {
  const first = byte(input, 0);
  const middle = byte(input, length >> 1);
  const last = byte(input, length - 1);
  const combined = (first << 16) | (middle << 24) | last | (length << 8);
  low = combined ^ word(secret, 0) ^ word(secret, 4);
  high = 0;
  avalancheXxh64();
}

function hashUpTo8(input: Uint8Array, length: number): void {
  low = word(secret, 8) ^ word(secret, 16) ^ word(input, length - 4);
  high = word(secret, 12) ^ word(secret, 20) ^ word(input, 0);
  // Exclusive or with itself rotated left by 49 and by 24.
  const rotatedLow = ((high << 17) | (low >>> 15)) ^ ((low << 24) | (high >>> 8));
  const rotatedHigh = ((low << 17) | (high >>> 15)) ^ ((high << 24) | (low >>> 8));
  low ^= rotatedLow;
  high ^= rotatedHigh;
  multiply(0x1e98df25, 0x9fb21c65);
  // Exclusive or with (itself shifted right by 35) + length.
  const shifted = high >>> 3;
  const total = shifted + length;
  low ^= total;
  if (total > 0xffffffff) high ^= 1;
  multiply(0x1e98df25, 0x9fb21c65);
  xorShifted(28);
}

function hashUpTo16(input: Uint8Array, length: number): void {
  const startLow = word(input, 0) ^ word(secret, 24) ^ word(secret, 32);
  const startHigh = word(input, 4) ^ word(secret, 28) ^ word(secret, 36);
  const endLow = word(input, length - 8) ^ word(secret, 40) ^ word(secret, 48);
  const endHigh = word(input, length - 4) ^ word(secret, 44) ^ word(secret, 52);
  beginSum(length, 0);
  addPair(swapBytes(startHigh), swapBytes(startLow));
  addPair(endLow, endHigh);
  foldProduct(startLow, startHigh, endLow, endHigh);
  addPair(low, high);
  finishSum();
}

function hashUpTo128(input: Uint8Array, length: number): void {
  beginSumWithLength(length);
  for (let round = (length - 1) >> 5; round >= 0; round--) {
    mix16(input, round * 16, round * 32);
    mix16(input, length - (round + 1) * 16, round * 32 + 16);
  }
  finishSum();
}

function hashUpTo240(input: Uint8Array, length: number): void {
  beginSumWithLength(length);
  for (let round = 0; round < 8; round++) mix16(input, round * 16, round * 16);
  finishSum();
  beginSum(low, high);
  const rounds = length >> 4;
  for (let round = 8; round < rounds; round++) mix16(input, round * 16, (round - 8) * 16 + 3);
  mix16(input, length - 16, 119);
  finishSum();
}

function hashLong(input: Uint8Array, length: number): void {
  const lanes = Uint32Array.from(FIRST_LANES);
  const blocks = Math.floor((length - 1) / BLOCK_BYTES);
  for (let block = 0; block < blocks; block++) {
    accumulateStripes(lanes, input, block * BLOCK_BYTES, STRIPES_PER_BLOCK);
    scramble(lanes);
  }
  const at = blocks * BLOCK_BYTES;
  accumulateStripes(lanes, input, at, Math.floor((length - 1 - at) / STRIPE_BYTES));
  accumulate(lanes, input, length - STRIPE_BYTES, 121);

  beginSumWithLength(length);
  for (let pair = 0; pair < 4; pair++) {
    const at16 = 11 + pair * 16;
    foldProduct(
      half(lanes, pair * 4) ^ word(secret, at16),
      half(lanes, pair * 4 + 1) ^ word(secret, at16 + 4),
      half(lanes, pair * 4 + 2) ^ word(secret, at16 + 8),
      half(lanes, pair * 4 + 3) ^ word(secret, at16 + 12),
    );
    addPair(low, high);
  }
  finishSum();
}

function accumulateStripes(lanes: Uint32Array, input: Uint8Array, at: number, stripes: number): void {
  for (let stripe = 0; stripe < stripes; stripe++)
    accumulate(lanes, input, at + stripe * STRIPE_BYTES, stripe * 8);
}

function accumulate(lanes: Uint32Array, input: Uint8Array, at: number, secretAt: number): void {
  for (let index = 0; index < 8; index++) {
    const dataLow = word(input, at + index * 8);
    const dataHigh = word(input, at + index * 8 + 4);
    addToLane(lanes, (index ^ 1) * 2, dataLow, dataHigh);
    const keyLow = dataLow ^ word(secret, secretAt + index * 8);
    const keyHigh = dataHigh ^ word(secret, secretAt + index * 8 + 4);
    addToLane(lanes, index * 2, Math.imul(keyLow, keyHigh), highOfProduct(keyLow, keyHigh));
  }
}

function addToLane(lanes: Uint32Array, at: number, addLow: number, addHigh: number): void {
  const total = half(lanes, at) + (addLow >>> 0);
  lanes[at] = total;
  lanes[at + 1] = half(lanes, at + 1) + addHigh + (total > 0xffffffff ? 1 : 0);
}

function scramble(lanes: Uint32Array): void {
  for (let at = 0; at < 16; at += 2) {
    low = half(lanes, at);
    high = half(lanes, at + 1);
    xorShifted(47);
    low ^= word(secret, 128 + at * 4);
    high ^= word(secret, 132 + at * 4);
    multiply(0x9e3779b1, 0);
    lanes[at] = low;
    lanes[at + 1] = high;
  }
}

/** Adds the mixture of 16 bytes to the sum. */
function mix16(input: Uint8Array, at: number, secretAt: number): void {
  foldProduct(
    word(input, at) ^ word(secret, secretAt),
    word(input, at + 4) ^ word(secret, secretAt + 4),
    word(input, at + 8) ^ word(secret, secretAt + 8),
    word(input, at + 12) ^ word(secret, secretAt + 12),
  );
  addPair(low, high);
}

function beginSum(startLow: number, startHigh: number): void {
  sumLow = startLow >>> 0;
  sumHigh = startHigh;
}

function beginSumWithLength(length: number): void {
  low = length;
  high = 0;
  multiply(0x85ebca87, 0x9e3779b1);
  beginSum(low, high);
}

function addPair(addLow: number, addHigh: number): void {
  const total = sumLow + (addLow >>> 0);
  sumHigh = (sumHigh + addHigh + (total > 0xffffffff ? 1 : 0)) | 0;
  sumLow = total >>> 0;
}

/** Makes the avalanche of the sum the pair. */
function finishSum(): void {
  low = sumLow;
  high = sumHigh;
  xorShifted(37);
  multiply(0x9e3779f9, 0x16566791);
  xorShifted(32);
}

function avalancheXxh64(): void {
  xorShifted(33);
  multiply(0x27d4eb4f, 0xc2b2ae3d);
  xorShifted(29);
  multiply(0x9e3779f9, 0x165667b1);
  xorShifted(32);
}

/** Exclusive or of the pair with itself, shifted right. */
function xorShifted(bits: number): void {
  if (bits >= 32) {
    low ^= high >>> (bits - 32);
  } else {
    low ^= (low >>> bits) | (high << (32 - bits));
    high ^= high >>> bits;
  }
}

/** Multiplies the pair, modulo 2^64. */
function multiply(byLow: number, byHigh: number): void {
  high = (highOfProduct(low, byLow) + Math.imul(low, byHigh) + Math.imul(high, byLow)) | 0;
  low = Math.imul(low, byLow);
}

/** Makes the two halves of a 128-bit product, combined by exclusive or, the pair. */
function foldProduct(aLow: number, aHigh: number, bLow: number, bHigh: number): void {
  const firstHigh = highOfProduct(aLow, bLow);
  const crossLow = Math.imul(aHigh, bLow) >>> 0;
  const crossHigh = highOfProduct(aHigh, bLow);
  const otherLow = Math.imul(aLow, bHigh) >>> 0;
  const otherHigh = highOfProduct(aLow, bHigh);
  const lastLow = Math.imul(aHigh, bHigh) >>> 0;
  const lastHigh = highOfProduct(aHigh, bHigh);
  const second = firstHigh + crossLow + otherLow;
  const third = lastLow + crossHigh + otherHigh + Math.floor(second / 2 ** 32);
  low = Math.imul(aLow, bLow) ^ (third >>> 0);
  high = (second >>> 0) ^ (lastHigh + Math.floor(third / 2 ** 32));
}

/** The upper half of the product of two unsigned 32-bit numbers. */
function highOfProduct(a: number, b: number): number {
  const a0 = a & 0xffff;
  const a1 = a >>> 16;
  const b0 = b & 0xffff;
  const b1 = b >>> 16;
  const middle = a1 * b0 + ((a0 * b0) >>> 16);
  const cross = a0 * b1 + (middle & 0xffff);
  return a1 * b1 + Math.floor(middle / 65536) + Math.floor(cross / 65536);
}

function swapBytes(value: number): number {
  return (value << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24);
}

function word(bytes: Uint8Array, at: number): number {
  return (
    byte(bytes, at) | (byte(bytes, at + 1) << 8) | (byte(bytes, at + 2) << 16) | (byte(bytes, at + 3) << 24)
  );
}

function writeWord(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

function byte(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0;
}

function half(lanes: Uint32Array, at: number): number {
  return lanes[at] ?? 0;
}
