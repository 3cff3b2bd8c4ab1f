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
  /** Payload of the record that is arriving. Set aside as announced: the limit keeps that small. */
  #payload = new Uint8Array(0);
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
      const part = chunk.subarray(at, at + this.#payload.length - this.#payloadFilled);
      at += part.length;
      // The usual case, a record that came as a whole, is not copied.
      if (part.length === this.#payload.length) payloads.push(this.#checked(part));
      else {
        this.#payload.set(part, this.#payloadFilled);
        this.#payloadFilled += part.length;
        if (this.#payloadFilled === this.#payload.length) payloads.push(this.#checked(this.#payload));
      }
    }
    return payloads;
  }

  #begin(): void {
    const length = new DataView(this.#header.buffer).getUint32(0);
    if (length === 0 || length > RECORD_PAYLOAD_BYTES_MAX)
      throw new Error("a record has an impossible length");
    this.#payload = new Uint8Array(length);
    this.#payloadFilled = 0;
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
