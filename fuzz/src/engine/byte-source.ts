/** Reads an input as a list of decisions, for targets whose inputs are more than one run of bytes. Past the end: zeros. */

export class ByteSource {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isEmpty(): boolean {
    return this.#at >= this.#bytes.length;
  }

  byte(): number {
    return this.#bytes[this.#at++] ?? 0;
  }

  /** A whole number from 0 to 65535. */
  uint16(): number {
    return this.byte() | (this.byte() << 8);
  }

  below(limit: number): number {
    return (limit <= 256 ? this.byte() : this.uint16()) % limit;
  }

  /** A length of two bytes, and so many bytes or what is left. */
  bytes(): Uint8Array {
    const length = this.uint16();
    const taken = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return taken;
  }

  text(): string {
    return Buffer.from(this.bytes()).toString("latin1");
  }

  rest(): Uint8Array {
    const taken = this.#bytes.subarray(this.#at);
    this.#at = this.#bytes.length;
    return taken;
  }
}

/** The other direction, for seeds: what `ByteSource.bytes` reads. */
export function sized(bytes: Uint8Array | string): Uint8Array {
  const content = typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes;
  return Buffer.concat([Uint8Array.of(content.length & 0xff, content.length >> 8), content]);
}
