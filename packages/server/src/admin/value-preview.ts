/** Stored bytes as a person can read them. */
import type { ValuePreview } from "@holdfast/protocol";

import { decodeUtf8 } from "../http/strict-json.ts";

const JSON_BYTES_MAX = 64 * 1024;
const TEXT_LENGTH_MAX = 1_024;
const BASE64_BYTES_MAX = 768;

export function previewOf(bytes: Uint8Array): ValuePreview {
  if (bytes.length === 0) return { bytes: 0 };
  const text = decodeUtf8(bytes.length > JSON_BYTES_MAX ? wholeCharacters(bytes, JSON_BYTES_MAX) : bytes);
  if (text === undefined) {
    const base64 = Buffer.from(bytes.subarray(0, BASE64_BYTES_MAX)).toString("base64");
    return { bytes: bytes.length, base64, ...(bytes.length > BASE64_BYTES_MAX ? { truncated: true } : {}) };
  }
  if (bytes.length <= JSON_BYTES_MAX) {
    try {
      return { bytes: bytes.length, json: JSON.parse(text) as unknown };
    } catch {
      // Text that is no JSON is shown as text.
    }
  }
  const isCut = text.length > TEXT_LENGTH_MAX || bytes.length > JSON_BYTES_MAX;
  return { bytes: bytes.length, text: text.slice(0, TEXT_LENGTH_MAX), ...(isCut ? { truncated: true } : {}) };
}

/** At most `length` bytes from the beginning, without part of a character at the end. */
function wholeCharacters(bytes: Uint8Array, length: number): Uint8Array {
  let end = length;
  while (end > length - 4 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.subarray(0, end);
}
