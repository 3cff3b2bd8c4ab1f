/**
 * The protobuf 3 wire format, as far as the protocol needs it. Both classes are meant to be reused: a writer is a
 * growing buffer, a reader is aimed at bytes with `open`. Neither calls out, so one of each may be shared by everything
 * that encodes or decodes without awaiting in between.
 */

import { ProtocolError } from "./protocol-error.ts";

const TWO_32 = 2 ** 32;
const VARINT = 0;
const FIXED_64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED_32 = 5;

/** Below this length a loop over the characters beats the call of a text codec. */
const SHORT_TEXT = 48;
/** A writer that had to grow beyond this goes back to its first size, so that one huge message is not kept for ever. */
const KEPT_BYTES_MAX = 1 << 20;

const textEncoder = new TextEncoder();
const textDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const EMPTY = new Uint8Array(0);

export class ProtobufWriter {
  #bytes: Uint8Array;
  #position = 0;
  /** What was written before this was handed out by `take` and belongs to its receiver. */
  #taken = 0;
  readonly #firstSize: number;

  constructor(firstSize = 4096) {
    this.#firstSize = firstSize;
    this.#bytes = new Uint8Array(firstSize);
  }

  /** Bytes written since the last `take`, `finish` or `reset`. */
  get length(): number {
    return this.#position - this.#taken;
  }

  /** Drops everything behind the first `length` bytes. */
  truncate(length: number): void {
    this.#position = this.#taken + length;
  }

  /** A copy of what was written, and an empty writer again. */
  finish(): Uint8Array {
    const result = this.#bytes.slice(this.#taken, this.#position);
    this.#position = this.#taken;
    if (this.#bytes.length > KEPT_BYTES_MAX) {
      this.#bytes = new Uint8Array(this.#firstSize);
      this.#position = this.#taken = 0;
    }
    return result;
  }

  /** What was written, without a copy: the writer never touches these bytes again. */
  take(): Uint8Array {
    const result = this.#bytes.subarray(this.#taken, this.#position);
    this.#taken = this.#position;
    return result;
  }

  uint32(field: number, value: number): void {
    if (value !== 0) this.presentUint32(field, value);
  }

  /** As `uint32`, but a zero is written too: for fields whose presence means something. */
  presentUint32(field: number, value: number): void {
    if (value >>> 0 !== value) throw outOfRange(field, value);
    this.#reserve(10);
    this.#varint((field << 3) | VARINT);
    this.#varint(value);
  }

  uint64(field: number, value: number): void {
    if (value !== 0) this.presentUint64(field, value);
  }

  presentUint64(field: number, value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) throw outOfRange(field, value);
    this.#reserve(15);
    this.#varint((field << 3) | VARINT);
    this.#varint64(value >>> 0, Math.floor(value / TWO_32));
  }

  bigUint64(field: number, value: bigint): void {
    if (value === 0n) return;
    if (value < 0n || value > 0xffffffffffffffffn) throw outOfRange(field, value);
    this.#reserve(15);
    this.#varint((field << 3) | VARINT);
    this.#varint64(Number(value & 0xffffffffn), Number(value >> 32n));
  }

  bool(field: number, value: boolean): void {
    if (value) this.presentUint32(field, 1);
  }

  fixed32(field: number, value: number): void {
    this.#reserve(9);
    this.#varint((field << 3) | FIXED_32);
    this.#bytes[this.#position++] = value;
    this.#bytes[this.#position++] = value >>> 8;
    this.#bytes[this.#position++] = value >>> 16;
    this.#bytes[this.#position++] = value >>> 24;
  }

  string(field: number, value: string): void {
    if (value !== "") this.presentString(field, value);
  }

  presentString(field: number, value: string): void {
    const length = value.length;
    this.#reserve(length * 3 + 10);
    this.#varint((field << 3) | LENGTH_DELIMITED);
    if (length <= SHORT_TEXT && this.#shortAscii(value, length)) return;
    const mark = this.#position;
    const prefix = varintLength(length);
    const { written } = textEncoder.encodeInto(value, this.#bytes.subarray(mark + prefix));
    const needed = varintLength(written);
    if (needed !== prefix) this.#bytes.copyWithin(mark + needed, mark + prefix, mark + prefix + written);
    this.#varint(written);
    this.#position += written;
  }

  bytes(field: number, value: Uint8Array): void {
    if (value.length !== 0) this.presentBytes(field, value);
  }

  presentBytes(field: number, value: Uint8Array): void {
    const length = value.length;
    this.#reserve(length + 10);
    this.#varint((field << 3) | LENGTH_DELIMITED);
    this.#varint(length);
    this.#copy(value, length);
  }

  /** A sub-message `{1: bytes}`; present even when the bytes are empty. */
  wrappedBytes(field: number, value: Uint8Array): void {
    const length = value.length;
    this.#reserve(length + 16);
    this.#varint((field << 3) | LENGTH_DELIMITED);
    if (length === 0) {
      this.#bytes[this.#position++] = 0;
      return;
    }
    this.#varint(1 + varintLength(length) + length);
    this.#bytes[this.#position++] = (1 << 3) | LENGTH_DELIMITED;
    this.#varint(length);
    this.#copy(value, length);
  }

  packedUint32(field: number, values: readonly number[]): void {
    if (values.length === 0) return;
    const mark = this.begin(field);
    for (const value of values) {
      if (value >>> 0 !== value) throw outOfRange(field, value);
      this.#reserve(5);
      this.#varint(value);
    }
    this.end(mark);
  }

  /** Opens a sub-message; what is written until `end(mark)` is its content. */
  begin(field: number): number {
    this.#reserve(6);
    this.#varint((field << 3) | LENGTH_DELIMITED);
    this.#position++;
    return this.#position - this.#taken;
  }

  end(mark: number): void {
    const start = this.#taken + mark;
    const length = this.#position - start;
    const needed = varintLength(length);
    if (needed > 1) {
      this.#reserve(needed);
      const moved = this.#taken + mark;
      this.#bytes.copyWithin(moved - 1 + needed, moved, this.#position);
    }
    this.#position = this.#taken + mark - 1;
    this.#varint(length);
    this.#position += length;
  }

  /** Appends bytes as they are. */
  raw(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#copy(value, value.length);
  }

  /** Appends four bytes, big-endian. With `at`, overwrites the four bytes at that offset since the last `take`. */
  rawUint32(value: number, at?: number): void {
    if (at === undefined) this.#reserve(4);
    const position = at === undefined ? this.#position : this.#taken + at;
    this.#bytes[position] = value >>> 24;
    this.#bytes[position + 1] = value >>> 16;
    this.#bytes[position + 2] = value >>> 8;
    this.#bytes[position + 3] = value;
    if (at === undefined) this.#position += 4;
  }

  #shortAscii(value: string, length: number): boolean {
    const bytes = this.#bytes;
    const start = this.#position;
    bytes[start] = length;
    for (let index = 0; index < length; index++) {
      const code = value.charCodeAt(index);
      if (code > 127) return false;
      bytes[start + 1 + index] = code;
    }
    this.#position = start + 1 + length;
    return true;
  }

  #copy(value: Uint8Array, length: number): void {
    const bytes = this.#bytes;
    let position = this.#position;
    if (length <= SHORT_TEXT) {
      for (let index = 0; index < length; index++) bytes[position++] = value[index] ?? 0;
    } else {
      bytes.set(value, position);
    }
    this.#position += length;
  }

  #varint(value: number): void {
    let rest = value;
    while (rest > 127) {
      this.#bytes[this.#position++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    this.#bytes[this.#position++] = rest;
  }

  #varint64(low: number, high: number): void {
    let restLow = low;
    let restHigh = high;
    while (restHigh !== 0) {
      this.#bytes[this.#position++] = (restLow & 127) | 128;
      restLow = ((restLow >>> 7) | (restHigh << 25)) >>> 0;
      restHigh >>>= 7;
    }
    this.#varint(restLow);
  }

  #reserve(more: number): void {
    if (this.#position + more > this.#bytes.length) this.#grow(more);
  }

  #grow(more: number): void {
    const used = this.#position - this.#taken;
    const larger = new Uint8Array(Math.max(this.#firstSize, (used + more) * 2));
    larger.set(this.#bytes.subarray(this.#taken, this.#position), 0);
    this.#bytes = larger;
    this.#taken = 0;
    this.#position = used;
  }
}

export class ProtobufReader {
  #bytes: Uint8Array = EMPTY;
  #position = 0;
  #end = 0;
  #field = 0;
  #wireType = 0;

  /** Aims the reader at a message. Byte fields that are read are views into `bytes`. */
  open(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.#position = 0;
    this.#end = bytes.length;
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
    return this.#high === 0 ? BigInt(low) : (BigInt(this.#high) << 32n) | BigInt(low);
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
      const text = this.#shortAscii(start, start + length);
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
    let content: Uint8Array = EMPTY;
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
    while (this.#position < this.#end) values.push(this.#varint32());
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

  #shortAscii(start: number, end: number): string | undefined {
    const bytes = this.#bytes;
    let text = "";
    for (let index = start; index < end; index++) {
      const code = bytes[index] ?? 0;
      if (code > 127) return undefined;
      text += String.fromCharCode(code);
    }
    return text;
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

function varintLength(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x200000) return 3;
  return value < 0x10000000 ? 4 : 5;
}

function outOfRange(field: number, value: number | bigint): RangeError {
  return new RangeError(`Field ${field} cannot hold ${value}`);
}

function tooLarge(field: number): ProtocolError {
  return new ProtocolError("number-out-of-range", `Field ${field} holds a number that is too large`);
}

function truncated(field: number): ProtocolError {
  return new ProtocolError("truncated", `The message ends inside of field ${field}`);
}
