/** Base64 in both alphabets, by hand: `atob` works on strings of bytes, and `Uint8Array.fromBase64` is too young. */

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const INVALID = 0xff;

const urlAlphabet = alphabetOf(`${LETTERS}-_`);
const standardAlphabet = alphabetOf(`${LETTERS}+/`);
const asciiDecoder = new TextDecoder();

/** The URL-safe alphabet without padding. */
export function encodeBase64Url(bytes: Uint8Array): string {
  return encode(bytes, urlAlphabet.codes, false);
}

/** Reverses `encodeBase64Url`. Refuses padding, foreign characters and set bits behind the last byte. */
export function decodeBase64Url(text: string): Uint8Array | undefined {
  return decode(text, text.length, urlAlphabet.values);
}

/** The standard alphabet with padding, as in JSON documents. */
export function encodeBase64(bytes: Uint8Array): string {
  return encode(bytes, standardAlphabet.codes, true);
}

/** Reverses `encodeBase64`. Padding must be complete. */
export function decodeBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (text.length % 4 !== 0) return undefined;
  let end = text.length;
  if (text.endsWith("==")) end -= 2;
  else if (text.endsWith("=")) end -= 1;
  return decode(text, end, standardAlphabet.values);
}

function alphabetOf(characters: string): { readonly codes: Uint8Array; readonly values: Uint8Array } {
  const codes = new Uint8Array(64);
  const values = new Uint8Array(128).fill(INVALID);
  for (let index = 0; index < 64; index++) {
    const code = characters.charCodeAt(index);
    codes[index] = code;
    values[code] = index;
  }
  return { codes, values };
}

function encode(bytes: Uint8Array, codes: Uint8Array, padded: boolean): string {
  const rest = bytes.length % 3;
  const whole = bytes.length - rest;
  const tailLength = rest === 0 ? 0 : padded ? 4 : rest + 1;
  const output = new Uint8Array((whole / 3) * 4 + tailLength).fill(61);
  let at = 0;
  for (let index = 0; index < whole; index += 3) {
    const group = (byteAt(bytes, index) << 16) | (byteAt(bytes, index + 1) << 8) | byteAt(bytes, index + 2);
    output[at++] = byteAt(codes, group >> 18);
    output[at++] = byteAt(codes, (group >> 12) & 63);
    output[at++] = byteAt(codes, (group >> 6) & 63);
    output[at++] = byteAt(codes, group & 63);
  }
  if (rest > 0) {
    const group = (byteAt(bytes, whole) << 16) | (rest === 2 ? byteAt(bytes, whole + 1) << 8 : 0);
    output[at++] = byteAt(codes, group >> 18);
    output[at++] = byteAt(codes, (group >> 12) & 63);
    if (rest === 2) output[at++] = byteAt(codes, (group >> 6) & 63);
  }
  return asciiDecoder.decode(output);
}

function decode(text: string, end: number, values: Uint8Array): Uint8Array<ArrayBuffer> | undefined {
  const rest = end % 4;
  if (rest === 1) return undefined;
  const output = new Uint8Array(((end - rest) / 4) * 3 + (rest === 0 ? 0 : rest - 1));
  let group = 0;
  let bits = 0;
  let at = 0;
  for (let index = 0; index < end; index++) {
    const value = values[text.charCodeAt(index)] ?? INVALID;
    if (value === INVALID) return undefined;
    group = (group << 6) | value;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      output[at++] = group >> bits;
      group &= (1 << bits) - 1;
    }
  }
  return group === 0 ? output : undefined;
}

function byteAt(bytes: Uint8Array, index: number): number {
  return bytes[index] ?? 0;
}
