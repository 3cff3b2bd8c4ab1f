/**
 * Compact binary encoding of records and rows: varints, length-prefixed strings and bytes. Only servers of this project
 * read it, always through a version byte written by the caller; what two separately deployed programs exchange has its own
 * codec in `protocol`.
 */
import { AssertionFailedError } from "../assert.ts";

/** Bytes that cannot be decoded: corrupted, or written by a version that this program does not know. */
export class DecodeError extends Error {
  override readonly name = "DecodeError";
}

const INITIAL_BYTES = 4096;
/** A writer that had to grow beyond this gives its memory back after use. Batches of a usual size stay well below. */
const KEPT_BYTES_MAX = 4 * 1024 * 1024;
/** Size of the blocks that `takeShared` cuts from, and what is too large a piece of one. */
const BLOCK_BYTES = 64 * 1024;
const PIECE_BYTES_MAX = BLOCK_BYTES / 8;

export class BinaryWriter {
  #bytes = new Uint8Array(INITIAL_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;
  #block = new Uint8Array(0);
  #blockUsed = 0;

  get length(): number {
    return this.#length;
  }

  #reserve(extra: number): void {
    const needed = this.#length + extra;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  bool(value: boolean): void {
    this.byte(value ? 1 : 0);
  }

  /** Non-negative safe integer, 7 bits a byte, low bits first. */
  uint(value: number): void {
    if (!(value >= 0 && Number.isSafeInteger(value)))
      throw new AssertionFailedError(`uint out of range: ${value}`);
    this.#reserve(8);
    let rest = value;
    while (rest > 0x7fffffff) {
      this.#bytes[this.#length++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    while (rest > 0x7f) {
      this.#bytes[this.#length++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#bytes[this.#length++] = rest;
  }

  float(value: number): void {
    this.#reserve(8);
    this.#view.setFloat64(this.#length, value);
    this.#length += 8;
  }

  bytes(value: Uint8Array): void {
    this.uint(value.length);
    this.raw(value);
  }

  raw(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  /** UTF-16 code units as UTF-8; lone surrogates are kept (three bytes each), so that any JavaScript string survives. */
  string(value: string): void {
    const units = value.length;
    this.#reserve(8 + units * 3);
    const lengthAt = this.#length;
    // Most strings are short ASCII: write with a one-byte length and fall back when that turns out wrong.
    if (units < 128) {
      let at = lengthAt + 1;
      const bytes = this.#bytes;
      let i = 0;
      for (; i < units; i++) {
        const unit = value.charCodeAt(i);
        if (unit > 0x7f) break;
        bytes[at++] = unit;
      }
      if (i === units) {
        bytes[lengthAt] = units;
        this.#length = at;
        return;
      }
    }
    const encoded = encodeText(value);
    this.uint(encoded.length);
    this.raw(encoded);
  }

  optionalString(value: string | undefined): void {
    this.bool(value !== undefined);
    if (value !== undefined) this.string(value);
  }

  /** Drops everything behind the first `length` bytes: what was left by a write that failed. */
  truncate(length: number): void {
    this.#length = length;
  }

  /** What was written, in the writer's own memory: until `clear`, and as long as nothing else is written. */
  written(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** A copy of what was written; the writer is empty afterwards. */
  take(): Uint8Array {
    const taken = this.#bytes.slice(0, this.#length);
    this.clear();
    return taken;
  }

  /**
   * As `take`, but small results share blocks of memory, each of which lives as long as the last of them. For what is made in
   * thousands and let go together: a buffer of its own costs more than most rows have bytes, also to the garbage collector.
   */
  takeShared(): Uint8Array {
    const length = this.#length;
    if (length > PIECE_BYTES_MAX) return this.take();
    if (this.#blockUsed + length > this.#block.length) {
      this.#block = new Uint8Array(BLOCK_BYTES);
      this.#blockUsed = 0;
    }
    const end = this.#blockUsed + length;
    const taken = this.#block.subarray(this.#blockUsed, end);
    taken.set(this.#bytes.subarray(0, length));
    this.#blockUsed = end;
    this.clear();
    return taken;
  }

  /** Forgets what was written. */
  clear(): void {
    this.#length = 0;
    if (this.#bytes.length > KEPT_BYTES_MAX) {
      this.#bytes = new Uint8Array(INITIAL_BYTES);
      this.#view = new DataView(this.#bytes.buffer);
    }
  }
}

function encodeText(value: string): Uint8Array {
  const out = new Uint8Array(value.length * 3);
  let at = 0;
  for (let i = 0; i < value.length; i++) {
    let code = value.charCodeAt(i);
    if (code >= 0xd800 && code <= 0xdbff && i + 1 < value.length) {
      const low = value.charCodeAt(i + 1);
      if (low >= 0xdc00 && low <= 0xdfff) {
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        i++;
      }
    }
    if (code < 0x80) out[at++] = code;
    else if (code < 0x800) {
      out[at++] = 0xc0 | (code >> 6);
      out[at++] = 0x80 | (code & 0x3f);
    } else if (code < 0x10000) {
      out[at++] = 0xe0 | (code >> 12);
      out[at++] = 0x80 | ((code >> 6) & 0x3f);
      out[at++] = 0x80 | (code & 0x3f);
    } else {
      out[at++] = 0xf0 | (code >> 18);
      out[at++] = 0x80 | ((code >> 12) & 0x3f);
      out[at++] = 0x80 | ((code >> 6) & 0x3f);
      out[at++] = 0x80 | (code & 0x3f);
    }
  }
  return out.subarray(0, at);
}

export class BinaryReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length;
  }

  #need(count: number): void {
    if (this.#at + count > this.#bytes.length) {
      throw new DecodeError(`Need ${count} bytes at offset ${this.#at} of ${this.#bytes.length}`);
    }
  }

  byte(): number {
    this.#need(1);
    return this.#bytes[this.#at++] as number;
  }

  bool(): boolean {
    const value = this.byte();
    if (value > 1) throw new DecodeError(`Not a boolean: ${value} at offset ${this.#at - 1}`);
    return value === 1;
  }

  uint(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 8; i++) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) break;
        return value;
      }
      scale *= 128;
    }
    throw new DecodeError(`Integer too large at offset ${this.#at}`);
  }

  float(): number {
    this.#need(8);
    const value = this.#view.getFloat64(this.#at);
    this.#at += 8;
    return value;
  }

  /** A view into the input. Copy it if the input's buffer is reused. */
  bytes(): Uint8Array {
    const length = this.uint();
    this.#need(length);
    const value = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return value;
  }

  string(): string {
    const length = this.uint();
    this.#need(length);
    const end = this.#at + length;
    let text = "";
    while (this.#at < end) {
      const lead = this.#bytes[this.#at++] as number;
      if (lead < 0x80) {
        text += String.fromCharCode(lead);
      } else {
        text += this.#multiByte(lead, end);
      }
    }
    return text;
  }

  #multiByte(lead: number, end: number): string {
    const extra = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    if (lead < 0xc0 || this.#at + extra > end) throw new DecodeError(`Broken text at offset ${this.#at}`);
    let code = lead & (extra === 3 ? 0x07 : extra === 2 ? 0x0f : 0x1f);
    for (let i = 0; i < extra; i++) {
      code = (code << 6) | ((this.#bytes[this.#at++] as number) & 0x3f);
    }
    if (code > 0x10ffff) throw new DecodeError(`Broken text at offset ${this.#at}`);
    return String.fromCodePoint(code);
  }

  optionalString(): string | undefined {
    return this.bool() ? this.string() : undefined;
  }

  /** A string that holds JSON. Its shape is not checked: whoever wrote it had it from the type. */
  json(): unknown {
    const text = this.string();
    try {
      return JSON.parse(text);
    } catch {
      throw new DecodeError(`Broken JSON before offset ${this.#at}`);
    }
  }
}
