/**
 * Frames of the Restate service protocol: a header of eight bytes, big-endian (type, flags, length of the body), and the
 * body. They are not aligned to anything of the transport.
 */
import { ProtocolError } from "@holdfast/protocol";

export const RESTATE_HEADER_BYTES = 8;
/** What is set aside at first for a body that is still arriving: an announcement alone must not cost what it announces. */
const FIRST_BODY_BYTES = 64 * 1024;
const EMPTY = new Uint8Array(0);

export type RestateFrame = {
  readonly type: number;
  readonly flags: number;
  /** Belongs to the receiver: it is no view into what the transport gave. */
  readonly body: Uint8Array;
};

/** Writes a frame into `into` from `at` on. Returns where it ends. */
export function writeRestateFrame(into: Uint8Array, at: number, type: number, body: Uint8Array): number {
  into[at] = type >>> 8;
  into[at + 1] = type;
  into[at + 2] = 0;
  into[at + 3] = 0;
  into[at + 4] = body.length >>> 24;
  into[at + 5] = body.length >>> 16;
  into[at + 6] = body.length >>> 8;
  into[at + 7] = body.length;
  into.set(body, at + RESTATE_HEADER_BYTES);
  return at + RESTATE_HEADER_BYTES + body.length;
}

/** Cuts one response into frames, wherever its chunks are cut. */
export class RestateFrameReader {
  readonly #bodyBytesMax: number;
  readonly #header = new Uint8Array(RESTATE_HEADER_BYTES);
  #headerFilled = 0;
  #body: Uint8Array = EMPTY;
  #bodyFilled = 0;

  constructor(bodyBytesMax: number) {
    this.#bodyBytesMax = bodyBytesMax;
  }

  /** Whether the response may end here. */
  get isBetweenFrames(): boolean {
    return this.#headerFilled === 0;
  }

  /**
   * Hands every frame that `chunk` completes to `take`, in order, so that those before a faulty one count. Throws a
   * ProtocolError for a body beyond the limit, before anything of it is kept.
   */
  push(chunk: Uint8Array, take: (frame: RestateFrame) => void): void {
    let position = 0;
    // A frame may have no body: it is complete with the last byte of its header.
    while (position < chunk.length) {
      position = this.#takeHeader(chunk, position);
      if (this.#headerFilled < RESTATE_HEADER_BYTES) return;
      position = this.#takeBody(chunk, position);
      if (this.#bodyFilled < this.#length) return;
      const frame = { type: this.#word(0), flags: this.#word(2), body: this.#wholeBody() };
      this.#headerFilled = 0;
      take(frame);
    }
  }

  #takeHeader(chunk: Uint8Array, position: number): number {
    if (this.#headerFilled === RESTATE_HEADER_BYTES) return position;
    const count = Math.min(RESTATE_HEADER_BYTES - this.#headerFilled, chunk.length - position);
    this.#header.set(chunk.subarray(position, position + count), this.#headerFilled);
    this.#headerFilled += count;
    if (this.#headerFilled < RESTATE_HEADER_BYTES) return position + count;
    if (this.#length > this.#bodyBytesMax) {
      throw new ProtocolError(
        "frame-too-large",
        `A message of ${this.#length} bytes is larger than the limit session.messageBytesMax (${this.#bodyBytesMax})`,
      );
    }
    this.#body = new Uint8Array(Math.min(this.#length, FIRST_BODY_BYTES));
    this.#bodyFilled = 0;
    return position + count;
  }

  #takeBody(chunk: Uint8Array, position: number): number {
    const count = Math.min(this.#length - this.#bodyFilled, chunk.length - position);
    const filled = this.#bodyFilled + count;
    if (filled > this.#body.length) {
      const larger = new Uint8Array(Math.min(this.#length, Math.max(filled, this.#body.length * 2)));
      larger.set(this.#body.subarray(0, this.#bodyFilled), 0);
      this.#body = larger;
    }
    this.#body.set(chunk.subarray(position, position + count), this.#bodyFilled);
    this.#bodyFilled = filled;
    return position + count;
  }

  #wholeBody(): Uint8Array {
    const body = this.#body;
    this.#body = EMPTY;
    return body;
  }

  get #length(): number {
    return this.#word(4) * 2 ** 16 + this.#word(6);
  }

  #word(at: number): number {
    return ((this.#header[at] ?? 0) << 8) | (this.#header[at + 1] ?? 0);
  }
}
