/**
 * XXH3 with 64 bits, seed 0 and the standard secret, after the published algorithm (Yann Collet, xxHash). Hashes keys,
 * which are short; so it is written with BigInt for clarity rather than for throughput.
 */

const SECRET_HEX =
  "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671fcb79e64eccc0e578825ad07dccff7221" +
  "b8084674f743248ee03590e6813a264c3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8" +
  "a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364eac5ac8334d3ebc3c581a0fffa1363eb" +
  "170ddd51b7f0da49d316552629d4689e2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e";

const PRIME32_1 = 0x9e3779b1n;
const PRIME32_2 = 0x85ebca77n;
const PRIME32_3 = 0xc2b2ae3dn;
const PRIME64_1 = 0x9e3779b185ebca87n;
const PRIME64_2 = 0xc2b2ae3d27d4eb4fn;
const PRIME64_3 = 0x165667b19e3779f9n;
const PRIME64_4 = 0x85ebca77c2b2ae63n;
const PRIME64_5 = 0x27d4eb2f165667c5n;
const PRIME_MIX_1 = 0x165667919e3779f9n;
const PRIME_MIX_2 = 0x9fb21c651e98df25n;
const MASK_32 = 0xffffffffn;
const MASK_64 = 0xffffffffffffffffn;

const STRIPE_BYTES = 64;
const STRIPES_PER_BLOCK = 16;
const BLOCK_BYTES = STRIPE_BYTES * STRIPES_PER_BLOCK;

const secretBytes = Uint8Array.from({ length: 192 }, (_, index) =>
  Number.parseInt(SECRET_HEX.slice(index * 2, index * 2 + 2), 16),
);
const secretView = viewOf(secretBytes);

/** The hash of `input` as eight big-endian bytes. */
export function xxh3(input: Uint8Array): Uint8Array {
  const output = new Uint8Array(8);
  viewOf(output).setBigUint64(0, hash(viewOf(input), input.length));
  return output;
}

function hash(input: DataView, length: number): bigint {
  if (length === 0) return avalancheXxh64(secret(56) ^ secret(64));
  if (length <= 3) return hashUpTo3(input, length);
  if (length <= 8) return hashUpTo8(input, length);
  if (length <= 16) return hashUpTo16(input, length);
  if (length <= 128) return hashUpTo128(input, length);
  if (length <= 240) return hashUpTo240(input, length);
  return hashLong(input, length);
}

function hashUpTo3(input: DataView, length: number): bigint {
  const first = input.getUint8(0);
  const middle = input.getUint8(length >> 1);
  const last = input.getUint8(length - 1);
  const combined = ((first << 16) | (middle << 24) | last | (length << 8)) >>> 0;
  const flip = (secretView.getUint32(0, true) ^ secretView.getUint32(4, true)) >>> 0;
  return avalancheXxh64(BigInt((combined ^ flip) >>> 0));
}

function hashUpTo8(input: DataView, length: number): bigint {
  const head = BigInt(input.getUint32(0, true));
  const tail = BigInt(input.getUint32(length - 4, true));
  let mixed = secret(8) ^ secret(16) ^ (tail + (head << 32n));
  mixed ^= rotateLeft(mixed, 49n) ^ rotateLeft(mixed, 24n);
  mixed = (mixed * PRIME_MIX_2) & MASK_64;
  mixed ^= (mixed >> 35n) + BigInt(length);
  mixed = (mixed * PRIME_MIX_2) & MASK_64;
  return mixed ^ (mixed >> 28n);
}

function hashUpTo16(input: DataView, length: number): bigint {
  const low = input.getBigUint64(0, true) ^ secret(24) ^ secret(32);
  const high = input.getBigUint64(length - 8, true) ^ secret(40) ^ secret(48);
  return avalanche(BigInt(length) + swapBytes(low) + high + foldedProduct(low, high));
}

function hashUpTo128(input: DataView, length: number): bigint {
  let sum = BigInt(length) * PRIME64_1;
  for (let round = (length - 1) >> 5; round >= 0; round--) {
    sum += mix16(input, round * 16, round * 32);
    sum += mix16(input, length - (round + 1) * 16, round * 32 + 16);
  }
  return avalanche(sum);
}

function hashUpTo240(input: DataView, length: number): bigint {
  let sum = BigInt(length) * PRIME64_1;
  for (let round = 0; round < 8; round++) sum += mix16(input, round * 16, round * 16);
  sum = avalanche(sum);
  const rounds = length >> 4;
  for (let round = 8; round < rounds; round++) sum += mix16(input, round * 16, (round - 8) * 16 + 3);
  return avalanche(sum + mix16(input, length - 16, 119));
}

function hashLong(input: DataView, length: number): bigint {
  const lanes = [PRIME32_3, PRIME64_1, PRIME64_2, PRIME64_3, PRIME64_4, PRIME32_2, PRIME64_5, PRIME32_1];
  const blocks = Math.floor((length - 1) / BLOCK_BYTES);
  for (let block = 0; block < blocks; block++) {
    const at = block * BLOCK_BYTES;
    for (let stripe = 0; stripe < STRIPES_PER_BLOCK; stripe++)
      accumulate(lanes, input, at + stripe * STRIPE_BYTES, stripe * 8);
    scramble(lanes);
  }
  const at = blocks * BLOCK_BYTES;
  const stripes = Math.floor((length - 1 - at) / STRIPE_BYTES);
  for (let stripe = 0; stripe < stripes; stripe++)
    accumulate(lanes, input, at + stripe * STRIPE_BYTES, stripe * 8);
  accumulate(lanes, input, length - STRIPE_BYTES, 121);

  let sum = BigInt(length) * PRIME64_1;
  for (let pair = 0; pair < 4; pair++) {
    const low = lane(lanes, pair * 2) ^ secret(11 + pair * 16);
    const high = lane(lanes, pair * 2 + 1) ^ secret(19 + pair * 16);
    sum += foldedProduct(low, high);
  }
  return avalanche(sum);
}

function accumulate(lanes: bigint[], input: DataView, at: number, secretAt: number): void {
  for (let index = 0; index < 8; index++) {
    const data = input.getBigUint64(at + index * 8, true);
    const keyed = data ^ secret(secretAt + index * 8);
    const neighbour = index ^ 1;
    lanes[neighbour] = (lane(lanes, neighbour) + data) & MASK_64;
    lanes[index] = (lane(lanes, index) + (keyed & MASK_32) * (keyed >> 32n)) & MASK_64;
  }
}

function scramble(lanes: bigint[]): void {
  for (let index = 0; index < 8; index++) {
    const value = lane(lanes, index);
    lanes[index] = ((value ^ (value >> 47n) ^ secret(128 + index * 8)) * PRIME32_1) & MASK_64;
  }
}

function mix16(input: DataView, at: number, secretAt: number): bigint {
  return foldedProduct(
    input.getBigUint64(at, true) ^ secret(secretAt),
    input.getBigUint64(at + 8, true) ^ secret(secretAt + 8),
  );
}

function foldedProduct(a: bigint, b: bigint): bigint {
  const product = a * b;
  return (product & MASK_64) ^ (product >> 64n);
}

function avalanche(value: bigint): bigint {
  let mixed = value & MASK_64;
  mixed ^= mixed >> 37n;
  mixed = (mixed * PRIME_MIX_1) & MASK_64;
  return mixed ^ (mixed >> 32n);
}

function avalancheXxh64(value: bigint): bigint {
  let mixed = value;
  mixed ^= mixed >> 33n;
  mixed = (mixed * PRIME64_2) & MASK_64;
  mixed ^= mixed >> 29n;
  mixed = (mixed * PRIME64_3) & MASK_64;
  return mixed ^ (mixed >> 32n);
}

function swapBytes(value: bigint): bigint {
  swapView.setBigUint64(0, value, true);
  return swapView.getBigUint64(0, false);
}

function rotateLeft(value: bigint, bits: bigint): bigint {
  return ((value << bits) | (value >> (64n - bits))) & MASK_64;
}

function secret(at: number): bigint {
  return secretView.getBigUint64(at, true);
}

function lane(lanes: readonly bigint[], index: number): bigint {
  return lanes[index] ?? 0n;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

const swapView = new DataView(new ArrayBuffer(8));
