/**
 * Writes the protobuf 3 wire format, as far as the protocol needs it. A writer is a growing buffer that is meant to be
 * reused; it never calls out, so one may be shared by everything that encodes without awaiting in between.
 *
 * The bytes that `finish` and `take` hand out are, as a rule, views into a buffer shared with other results, each in a
 * place of its own: allocating an ArrayBuffer costs more than encoding a typical message into one.
 */

const TWO_32 = 2 ** 32;
const VARINT = 0;
const LENGTH_DELIMITED = 2;
const FIXED_32 = 5;

/** Up to this length a loop beats the calls of TextEncoder or TypedArray.set; measured on V8. */
const SHORT_TEXT = 20;
const SHORT_BYTES = 12;
/** A larger result gets a buffer of its own, so that whoever keeps a small one keeps no more than this alive. */
const SHARED_BYTES = 8192;
const SHARED_RESULT_BYTES_MAX = 2048;
/** Added to the size of every reservation: room for a tag and a length or number. */
const TAG_AND_VARINT = 16;

const textEncoder = new TextEncoder();
/** Through memory, halves of a bigint cost much less than by arithmetic. */
const wordView = new DataView(new ArrayBuffer(8));

export class ProtobufWriter {
  #bytes: Uint8Array;
  #position = 0;
  /** Everything before it was handed out and is not touched any more. */
  #taken = 0;
  readonly #bufferSize: number;

  constructor(bufferSize: number = SHARED_BYTES) {
    this.#bufferSize = bufferSize;
    this.#bytes = new Uint8Array(bufferSize);
  }

  /** Bytes written since the last `take` or `finish`. */
  get length(): number {
    return this.#position - this.#taken;
  }

  /** Drops everything behind the first `length` bytes. */
  truncate(length: number): void {
    this.#position = this.#taken + length;
  }

  /** What was written, and an empty writer again. Large results share no buffer with others. */
  finish(): Uint8Array {
    if (this.length <= SHARED_RESULT_BYTES_MAX) return this.take();
    if (this.#taken === 0 && this.length > this.#bufferSize) {
      // It fills most of a buffer that was made for it.
      const result = this.#bytes.subarray(0, this.#position);
      this.#renew();
      return result;
    }
    const result = this.#bytes.slice(this.#taken, this.#position);
    this.#position = this.#taken;
    if (this.#bytes.length > this.#bufferSize) this.#renew();
    return result;
  }

  #renew(): void {
    this.#bytes = new Uint8Array(this.#bufferSize);
    this.#position = this.#taken = 0;
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
    this.#tag(field, VARINT, 0);
    this.#varint(value);
  }

  uint64(field: number, value: number): void {
    if (value !== 0) this.presentUint64(field, value);
  }

  presentUint64(field: number, value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) throw outOfRange(field, value);
    this.#tag(field, VARINT, 0);
    this.#varint64(value >>> 0, Math.floor(value / TWO_32));
  }

  bigUint64(field: number, value: bigint): void {
    if (value === 0n) return;
    wordView.setBigUint64(0, value);
    if (wordView.getBigUint64(0) !== value) throw outOfRange(field, value);
    this.#tag(field, VARINT, 0);
    this.#varint64(wordView.getUint32(4), wordView.getUint32(0));
  }

  bool(field: number, value: boolean): void {
    if (value) this.presentUint32(field, 1);
  }

  fixed32(field: number, value: number): void {
    if (value >>> 0 !== value) throw outOfRange(field, value);
    this.#tag(field, FIXED_32, 0);
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
    this.#tag(field, LENGTH_DELIMITED, length * 3);
    if (length <= SHORT_TEXT && this.#shortText(value, length)) return;
    const mark = this.#position;
    const prefix = varintLength(length);
    const { written } = textEncoder.encodeInto(value, this.#bytes.subarray(mark + prefix));
    const needed = varintLength(written);
    if (needed !== prefix) {
      this.#bytes.copyWithin(mark + needed, mark + prefix, mark + prefix + written);
    }
    this.#varint(written);
    this.#position += written;
  }

  bytes(field: number, value: Uint8Array): void {
    if (value.length !== 0) this.presentBytes(field, value);
  }

  presentBytes(field: number, value: Uint8Array): void {
    const length = value.length;
    this.#tag(field, LENGTH_DELIMITED, length);
    this.#varint(length);
    this.#copy(value, length);
  }

  /** A sub-message `{1: bytes}`; present even when the bytes are empty. */
  wrappedBytes(field: number, value: Uint8Array): void {
    const length = value.length;
    this.#tag(field, LENGTH_DELIMITED, length);
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
    this.#reserve(values.length * 5);
    for (const value of values) {
      if (value >>> 0 !== value) throw outOfRange(field, value);
      this.#varint(value);
    }
    this.end(mark);
  }

  /** Opens a sub-message; what is written until `end(mark)` is its content. */
  begin(field: number): number {
    this.#tag(field, LENGTH_DELIMITED, 0);
    // One byte for the length, which is nearly always enough; `end` makes room where it is not.
    this.#position++;
    return this.length;
  }

  end(mark: number): void {
    const length = this.length - mark;
    const needed = varintLength(length);
    if (needed > 1) this.#reserve(needed);
    const start = this.#taken + mark;
    if (needed > 1) this.#bytes.copyWithin(start - 1 + needed, start, this.#position);
    this.#position = start - 1;
    this.#varint(length);
    this.#position += length;
  }

  /** Appends bytes as they are. */
  raw(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#copy(value, value.length);
  }

  /** Appends a text in UTF-8 as it is. */
  rawText(value: string): void {
    const length = value.length;
    this.#reserve(length * 3);
    const { written } = textEncoder.encodeInto(value, this.#bytes.subarray(this.#position));
    this.#position += written;
  }

  /** Leaves room for `length` bytes, to be filled in with `patchUint32`. */
  gap(length: number): void {
    this.#reserve(length);
    this.#position += length;
  }

  /** Overwrites four bytes with a big-endian number. `at` counts from the last `take`. */
  patchUint32(at: number, value: number): void {
    const position = this.#taken + at;
    this.#bytes[position] = value >>> 24;
    this.#bytes[position + 1] = value >>> 16;
    this.#bytes[position + 2] = value >>> 8;
    this.#bytes[position + 3] = value;
  }

  /** Writes a tag, after making sure of room for it, for a number and for `more` bytes. */
  #tag(field: number, wireType: number, more: number): void {
    this.#reserve(more + TAG_AND_VARINT);
    if (field < 16) this.#bytes[this.#position++] = (field << 3) | wireType;
    else this.#varint((field << 3) | wireType);
  }

  #shortText(value: string, length: number): boolean {
    const bytes = this.#bytes;
    let position = this.#position;
    bytes[position++] = length;
    for (let index = 0; index < length; index++) {
      const code = value.charCodeAt(index);
      if (code > 127) return false;
      bytes[position++] = code;
    }
    this.#position = position;
    return true;
  }

  #copy(value: Uint8Array, length: number): void {
    const bytes = this.#bytes;
    const position = this.#position;
    if (length <= SHORT_BYTES) {
      for (let index = 0; index < length; index++) bytes[position + index] = value[index] ?? 0;
    } else {
      bytes.set(value, position);
    }
    this.#position = position + length;
  }

  #varint(value: number): void {
    const bytes = this.#bytes;
    let position = this.#position;
    let rest = value;
    while (rest > 127) {
      bytes[position++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    bytes[position++] = rest;
    this.#position = position;
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
    const used = this.length;
    const needed = used + more;
    // Growing step by step doubles it; one large piece gets what it needs, and what usually follows it.
    const larger = new Uint8Array(
      needed <= this.#bufferSize ? this.#bufferSize : Math.max(needed + this.#bufferSize, used * 2),
    );
    larger.set(this.#bytes.subarray(this.#taken, this.#position), 0);
    this.#bytes = larger;
    this.#taken = 0;
    this.#position = used;
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
