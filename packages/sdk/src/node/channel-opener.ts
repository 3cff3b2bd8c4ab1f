/** Takes the tags off what an engine sends over a signed connection. Lets nothing through that the engine did not send. */
import { createHmac, timingSafeEqual } from "node:crypto";

import { RECORD_HEADER_BYTES, RECORD_PAYLOAD_BYTES_MAX, RECORD_TAG_BYTES } from "@holdfast/protocol";

const COUNTER_BYTES = 8;
const LENGTH_BYTES = 4;

export class ChannelOpener {
  readonly #key: Uint8Array;
  #count = 0n;
  readonly #header = new Uint8Array(RECORD_HEADER_BYTES);
  #headerFilled = 0;
  /** Of the payload that is arriving. */
  #payloadBytes = 0;
  /** The payload, where it comes in pieces. Set aside as announced: the limit keeps that small. */
  #payload: Uint8Array | undefined;
  #payloadFilled = 0;

  constructor(key: Uint8Array) {
    this.#key = key;
  }

  /** The payloads that `chunk` completes, in order. Throws at the first that is not genuine: the connection is lost then. */
  push(chunk: Uint8Array): readonly Uint8Array[] {
    const payloads: Uint8Array[] = [];
    let at = 0;
    while (at < chunk.length) {
      if (this.#headerFilled < RECORD_HEADER_BYTES) {
        const part = chunk.subarray(at, at + RECORD_HEADER_BYTES - this.#headerFilled);
        this.#header.set(part, this.#headerFilled);
        this.#headerFilled += part.length;
        at += part.length;
        if (this.#headerFilled === RECORD_HEADER_BYTES) this.#begin();
        continue;
      }
      const part = chunk.subarray(at, at + this.#payloadBytes - this.#payloadFilled);
      at += part.length;
      const payload = this.#withPart(part);
      if (payload !== undefined) payloads.push(this.#checked(payload));
    }
    return payloads;
  }

  #begin(): void {
    const length = new DataView(this.#header.buffer).getUint32(0);
    if (length === 0 || length > RECORD_PAYLOAD_BYTES_MAX)
      throw new Error("a record has an impossible length");
    this.#payloadBytes = length;
    this.#payload = undefined;
    this.#payloadFilled = 0;
  }

  /** The payload once `part` completes it. The usual case, a record that came as a whole, is not copied. */
  #withPart(part: Uint8Array): Uint8Array | undefined {
    if (part.length === this.#payloadBytes) return part;
    const payload = (this.#payload ??= new Uint8Array(this.#payloadBytes));
    payload.set(part, this.#payloadFilled);
    this.#payloadFilled += part.length;
    return this.#payloadFilled === payload.length ? payload : undefined;
  }

  #checked(payload: Uint8Array): Uint8Array {
    const head = Buffer.allocUnsafe(COUNTER_BYTES + LENGTH_BYTES);
    head.writeBigUInt64BE(this.#count, 0);
    head.set(this.#header.subarray(0, LENGTH_BYTES), COUNTER_BYTES);
    const tag = createHmac("sha256", this.#key).update(head).update(payload).digest();
    const expected = this.#header.subarray(LENGTH_BYTES, LENGTH_BYTES + RECORD_TAG_BYTES);
    if (!timingSafeEqual(tag.subarray(0, RECORD_TAG_BYTES), expected))
      throw new Error("what arrived was not sent by the engine that opened the connection");
    this.#count += 1n;
    this.#headerFilled = 0;
    return payload;
  }
}
