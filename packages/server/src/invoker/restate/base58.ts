/** Base 58 as Bitcoin writes it: big-endian, without the characters that are mistaken for each other. */

const ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/** Meant for keys: the time grows with the square of the length. */
export function encodeBase58(bytes: Uint8Array): string {
  /** Little-endian. */
  const digits: number[] = [];
  for (const byte of bytes) {
    let carry = byte;
    for (let at = 0; at < digits.length; at++) {
      carry += (digits[at] ?? 0) * 256;
      digits[at] = carry % 58;
      carry = Math.floor(carry / 58);
    }
    for (; carry > 0; carry = Math.floor(carry / 58)) digits.push(carry % 58);
  }
  // The number does not show them.
  let leadingZeros = 0;
  while (leadingZeros < bytes.length && bytes[leadingZeros] === 0) leadingZeros += 1;
  const shown = digits.reverse().map((digit) => ALPHABET.charAt(digit));
  return "1".repeat(leadingZeros) + shown.join("");
}
