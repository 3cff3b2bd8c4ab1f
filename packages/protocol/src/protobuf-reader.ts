/**
 * Reads the protobuf 3 wire format, as far as the protocol needs it. A reader is aimed at bytes with `open` and meant to
 * be reused; it never calls out. Its time and memory are bounded by the bytes it was given.
 */

import { ProtocolError } from "./protocol-error.ts";

const TWO_32 = 2 ** 32;
const VARINT = 0;
const FIXED_64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED_32 = 5;

/** Up to this length texts are looked up in `recentTexts`; TextDecoder is faster for longer ones. */
const SHORT_TEXT = 24;
const RECENT_TEXTS = 1024;
/** Fields of one message, those of its sub-messages included. Two bytes of input can become a hundred of memory. */
const FIELDS_MAX = 1 << 20;

const textDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** Through memory, a bigint costs much less than by arithmetic. */
const wordView = new DataView(new ArrayBuffer(8));
const EMPTY: Uint8Array = new Uint8Array(0);

/**
 * Short texts seen lately, by a hash of their bytes. Names of services, handlers, steps and state keys come again and
 * again; recognising one costs a third of making it anew, and all messages then share one string.
 */
const recentTexts: string[] = Array.from({ length: RECENT_TEXTS }, () => "");

export class ProtobufReader {
  #bytes: Uint8Array = EMPTY;
  #position = 0;
  #end = 0;
  #field = 0;
  #fieldCount = 0;
  #wireType = 0;

  /** Aims the reader at a message. Byte fields that are read are views into `bytes`. */
  open(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.#position = 0;
    this.#end = bytes.length;
    this.#fieldCount = 0;
  }

  /** Lets go of the bytes. */
  close(): void {
    this.open(EMPTY);
  }

  /** The number of the next field of this message; 0 at its end. */
  next(): number {
    if (this.#position === this.#end) return 0;
    const tag = this.#varint32();
    this.#field = tag >>> 3;
    this.#wireType = tag & 7;
    if (this.#field === 0) throw new ProtocolError("field-number-invalid", "Field number 0 does not exist");
    if (++this.#fieldCount > FIELDS_MAX) throw tooManyParts();
    return this.#field;
  }

  uint32(): number {
    this.#expect(VARINT);
    return this.#varint32();
  }

  /** A uint64 as a number; values beyond 2^53 are refused. */
  uint64(): number {
    this.#expect(VARINT);
    const low = this.#varint64();
    if (this.#high > 0x1fffff) throw tooLarge(this.#field);
    return this.#high * TWO_32 + low;
  }

  bigUint64(): bigint {
    this.#expect(VARINT);
    const low = this.#varint64();
    wordView.setUint32(0, this.#high);
    wordView.setUint32(4, low);
    return wordView.getBigUint64(0);
  }

  bool(): boolean {
    this.#expect(VARINT);
    const low = this.#varint64();
    return low !== 0 || this.#high !== 0;
  }

  fixed32(): number {
    this.#expect(FIXED_32);
    if (this.#end - this.#position < 4) throw truncated(this.#field);
    const bytes = this.#bytes;
    const at = this.#position;
    this.#position = at + 4;
    const low = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16);
    return (low | ((bytes[at + 3] ?? 0) << 24)) >>> 0;
  }

  bytes(): Uint8Array {
    const length = this.#length();
    if (length === 0) return EMPTY;
    const start = this.#position;
    this.#position = start + length;
    return this.#bytes.subarray(start, start + length);
  }

  string(): string {
    const length = this.#length();
    const start = this.#position;
    this.#position = start + length;
    if (length <= SHORT_TEXT) {
      const text = this.#shortText(start, length);
      if (text !== undefined) return text;
    }
    try {
      return textDecoder.decode(this.#bytes.subarray(start, start + length));
    } catch {
      throw new ProtocolError("text-invalid", `Field ${this.#field} is not valid UTF-8`);
    }
  }

  /** The content of a sub-message `{1: bytes}`. */
  wrappedBytes(): Uint8Array {
    const outer = this.enter();
    let content = EMPTY;
    for (let field = this.next(); field !== 0; field = this.next()) {
      if (field === 1) content = this.bytes();
      else this.skip();
    }
    this.leave(outer);
    return content;
  }

  /** A repeated uint32, packed or not, appended to `values`. */
  uint32List(values: number[]): void {
    if (this.#wireType !== LENGTH_DELIMITED) {
      values.push(this.uint32());
      return;
    }
    const outer = this.enter();
    while (this.#position < this.#end) {
      if (values.length === FIELDS_MAX) throw tooManyParts();
      values.push(this.#varint32());
    }
    this.leave(outer);
  }

  /** Enters a sub-message; pass the result to `leave` when `next` has said 0. */
  enter(): number {
    const length = this.#length();
    const outer = this.#end;
    this.#end = this.#position + length;
    return outer;
  }

  leave(outer: number): void {
    this.#position = this.#end;
    this.#end = outer;
  }

  /** Passes over the field `next` has announced. */
  skip(): void {
    switch (this.#wireType) {
      case VARINT:
        this.#varint64();
        return;
      case FIXED_64:
        return this.#advance(8);
      case LENGTH_DELIMITED:
        return this.#advance(this.#length());
      case FIXED_32:
        return this.#advance(4);
      default:
        throw new ProtocolError(
          "wire-type-invalid",
          `Field ${this.#field} has the unsupported wire type ${this.#wireType}`,
        );
    }
  }

  /** Upper 32 bits of what `#varint64` read. */
  #high = 0;

  #advance(length: number): void {
    if (length > this.#end - this.#position) throw truncated(this.#field);
    this.#position += length;
  }

  #expect(wireType: number): void {
    if (this.#wireType === wireType) return;
    throw new ProtocolError(
      "wire-type-invalid",
      `Field ${this.#field} has wire type ${this.#wireType}, expected ${wireType}`,
    );
  }

  #length(): number {
    this.#expect(LENGTH_DELIMITED);
    const length = this.#varint32();
    if (length > this.#end - this.#position) throw truncated(this.#field);
    return length;
  }

  /** A text of ASCII characters only; undefined when it has others. */
  #shortText(start: number, length: number): string | undefined {
    const bytes = this.#bytes;
    const end = start + length;
    let hash = length;
    for (let index = start; index < end; index++) {
      const code = bytes[index] ?? 0;
      if (code > 127) return undefined;
      hash = Math.imul(hash ^ code, 0x01000193);
    }
    const slot = (hash ^ (hash >>> 15)) & (RECENT_TEXTS - 1);
    const recent = recentTexts[slot] ?? "";
    if (recent.length === length && this.#isText(recent, start)) return recent;
    let text = "";
    for (let index = start; index < end; index++) text += String.fromCharCode(bytes[index] ?? 0);
    recentTexts[slot] = text;
    return text;
  }

  #isText(text: string, start: number): boolean {
    const bytes = this.#bytes;
    for (let index = 0; index < text.length; index++) {
      if (text.charCodeAt(index) !== bytes[start + index]) return false;
    }
    return true;
  }

  #varint32(): number {
    const first = this.#bytes[this.#position] ?? 0;
    if (first < 128 && this.#position < this.#end) {
      this.#position++;
      return first;
    }
    const low = this.#varint64();
    if (this.#high !== 0) throw tooLarge(this.#field);
    return low;
  }

  #varint64(): number {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.#position >= this.#end) throw truncated(this.#field);
      const byte = this.#bytes[this.#position++] ?? 0;
      const part = byte & 127;
      if (shift < 28) low |= part << shift;
      else if (shift === 28) {
        low |= part << 28;
        high = part >>> 4;
      } else if (shift < 63) high |= part << (shift - 32);
      else if (part > 1) throw tooLarge(this.#field);
      else high |= part << 31;
      if (byte < 128) {
        this.#high = high >>> 0;
        return low >>> 0;
      }
    }
    throw new ProtocolError("number-too-long", `Field ${this.#field} holds a number of more than ten bytes`);
  }
}

function tooLarge(field: number): ProtocolError {
  return new ProtocolError("number-out-of-range", `Field ${field} holds a number that is too large`);
}

function tooManyParts(): ProtocolError {
  return new ProtocolError("value-invalid", `The message has more than ${FIELDS_MAX} parts`);
}

function truncated(field: number): ProtocolError {
  return new ProtocolError("truncated", `The message ends inside of field ${field}`);
}
