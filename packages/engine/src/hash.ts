/**
 * Hashes that the fold may use: pure, the same on every machine. They tell apart, they do not protect: an attacker who
 * controls the input can make two that collide.
 */

const SEED_LOW = 0x9e3779b1;
const SEED_HIGH = 0x85ebca6b;

function mix(hash: number): number {
  let h = hash;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** 53-bit hash of bytes as a non-negative integer. Two independent 32-bit lanes, finalised as in MurmurHash3. */
export function hashBytes(bytes: Uint8Array): number {
  let low = SEED_LOW ^ bytes.length;
  let high = SEED_HIGH ^ bytes.length;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    low = Math.imul(low ^ byte, 0x01000193);
    high = Math.imul(high ^ byte, 0x5bd1e995);
    high ^= low >>> 15;
  }
  return (mix(high) & 0x1fffff) * 0x1_0000_0000 + mix(low);
}

/** As `hashBytes`, of a string's UTF-16 code units. */
export function hashText(text: string): number {
  let low = SEED_LOW ^ text.length;
  let high = SEED_HIGH ^ text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    low = Math.imul(low ^ unit, 0x01000193);
    high = Math.imul(high ^ unit, 0x5bd1e995);
    high ^= low >>> 15;
  }
  return (mix(high) & 0x1fffff) * 0x1_0000_0000 + mix(low);
}

/** A 64-bit seed that never changes for one invocation id: what a handler's random numbers start from. */
export function randomSeedOf(invocationId: string): bigint {
  const a = hashText(invocationId);
  const b = hashText(invocationId + "#seed");
  return (BigInt(a >>> 0) << 32n) | BigInt(b >>> 0);
}
