/**
 * Writes FlatBuffers, the encoding of Arrow's metadata: tables whose fields are found through a list of offsets, so that
 * any may be left out. A buffer is written from its end to its beginning, children before what refers to them; a place in it
 * is told as its distance from the end.
 */

/** Where something begins, counted from the end of the buffer. */
export type Place = number;

/** A field of a table: its bytes, or a reference to what was written before. */
export type FlatField =
  | { readonly kind: "bool"; readonly value: boolean }
  | { readonly kind: "uint8"; readonly value: number }
  | { readonly kind: "int16"; readonly value: number }
  | { readonly kind: "int32"; readonly value: number }
  | { readonly kind: "int64"; readonly value: bigint }
  | { readonly kind: "place"; readonly value: Place };

const SIZES: Readonly<Record<FlatField["kind"], number>> = {
  bool: 1,
  uint8: 1,
  int16: 2,
  int32: 4,
  int64: 8,
  place: 4,
};
/** Of the first two entries of a table's list of offsets: sizes of the list and of the table, both 16 bits. */
const LIST_HEAD_BYTES = 4;

export class FlatBuilder {
  #bytes = new Uint8Array(1024);
  #view = new DataView(this.#bytes.buffer);
  /** Bytes written, at the end of `#bytes`. */
  #length = 0;
  /** The widest alignment of anything in it: the whole buffer is aligned so. */
  #alignment = 4;

  /** The finished buffer: a reference to its root, and all that was written. */
  finish(root: Place): Uint8Array {
    this.#align(4, this.#alignment);
    this.#reference(root);
    return this.#bytes.slice(this.#bytes.length - this.#length);
  }

  string(text: string): Place {
    const bytes = new TextEncoder().encode(text);
    // Ends with a zero that does not count.
    this.#align(bytes.length + 1, 4);
    this.#grow(bytes.length + 1);
    this.#bytes[this.#bytes.length - this.#length + bytes.length] = 0;
    this.#bytes.set(bytes, this.#bytes.length - this.#length);
    return this.#count(bytes.length);
  }

  /** A list of references. */
  places(places: readonly Place[]): Place {
    this.#align(places.length * 4, 4);
    for (const place of places.toReversed()) this.#reference(place);
    return this.#count(places.length);
  }

  /** A list of structs that consist of 64-bit numbers. */
  structs(structs: ReadonlyArray<readonly bigint[]>): Place {
    this.#align(0, 8);
    for (const numbers of structs.toReversed()) {
      for (const number of numbers.toReversed()) {
        this.#grow(8);
        this.#view.setBigInt64(this.#bytes.length - this.#length, number, true);
      }
    }
    return this.#count(structs.length);
  }

  /** A table with these fields by their numbers; undefined ones are left out. */
  table(fields: ReadonlyArray<FlatField | undefined>): Place {
    const offsets = fields.map((): Place => 0);
    const before = this.#length;
    // Wide ones first: fewer gaps.
    const order = [...fields.entries()].toSorted((a, b) => sizeOf(b[1]) - sizeOf(a[1]));
    for (const [number, field] of order) if (field !== undefined) offsets[number] = this.#field(field);
    this.#align(4, 4);
    this.#grow(4);
    const table = this.#length;
    this.#offsetList(offsets, { table, size: table - before });
    // The table says how far before it its list lies; it comes last, so it is told now.
    this.#view.setInt32(this.#bytes.length - table, this.#length - table, true);
    return table;
  }

  #field(field: FlatField): Place {
    const size = SIZES[field.kind];
    this.#align(size, size);
    if (field.kind === "place") {
      this.#reference(field.value);
      return this.#length;
    }
    this.#grow(size);
    const at = this.#bytes.length - this.#length;
    switch (field.kind) {
      case "bool":
        this.#view.setUint8(at, field.value ? 1 : 0);
        break;
      case "uint8":
        this.#view.setUint8(at, field.value);
        break;
      case "int16":
        this.#view.setInt16(at, field.value, true);
        break;
      case "int32":
        this.#view.setInt32(at, field.value, true);
        break;
      case "int64":
        this.#view.setBigInt64(at, field.value, true);
    }
    return this.#length;
  }

  #offsetList(
    offsets: readonly Place[],
    { table, size }: { readonly table: Place; readonly size: number },
  ): void {
    const bytes = LIST_HEAD_BYTES + offsets.length * 2;
    this.#align(bytes, 2);
    this.#grow(bytes);
    const at = this.#bytes.length - this.#length;
    this.#view.setUint16(at, bytes, true);
    this.#view.setUint16(at + 2, size, true);
    for (const [number, place] of offsets.entries()) {
      const offset = place === 0 ? 0 : table - place;
      this.#view.setUint16(at + LIST_HEAD_BYTES + number * 2, offset, true);
    }
  }

  /** Four bytes that say how far behind them something begins. */
  #reference(place: Place): void {
    this.#grow(4);
    this.#view.setUint32(this.#bytes.length - this.#length, this.#length - place, true);
  }

  /** How many elements follow. */
  #count(elements: number): Place {
    this.#grow(4);
    this.#view.setUint32(this.#bytes.length - this.#length, elements, true);
    return this.#length;
  }

  /** Fills up so that what begins `bytes` further on is aligned. */
  #align(bytes: number, alignment: number): void {
    this.#alignment = Math.max(this.#alignment, alignment);
    const excess = (this.#length + bytes) % alignment;
    if (excess !== 0) this.#grow(alignment - excess);
  }

  /** Makes room for so many bytes more, which are zero. */
  #grow(bytes: number): void {
    this.#length += bytes;
    if (this.#length <= this.#bytes.length) return;
    const larger = new Uint8Array(2 ** Math.ceil(Math.log2(this.#length)) * 2);
    larger.set(this.#bytes, larger.length - this.#bytes.length);
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}

function sizeOf(field: FlatField | undefined): number {
  return field === undefined ? 0 : SIZES[field.kind];
}
