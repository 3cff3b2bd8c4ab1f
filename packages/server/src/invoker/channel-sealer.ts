/**
 * Puts a tag on what the engine sends over a signed connection, so that nobody on the way can add, change, repeat or
 * reorder a frame. One record for what a turn writes, not one for each frame: the cost is one HMAC for each write.
 */
import { createHmac } from "node:crypto";

import { RECORD_HEADER_BYTES, RECORD_PAYLOAD_BYTES_MAX, RECORD_TAG_BYTES } from "@holdfast/protocol";

const COUNTER_BYTES = 8;

export class ChannelSealer {
  readonly #key: Uint8Array;
  #count = 0n;

  constructor(key: Uint8Array) {
    this.#key = key;
  }

  /** The records that carry `bytes`. */
  seal(bytes: Uint8Array): Uint8Array {
    const records = Math.ceil(bytes.length / RECORD_PAYLOAD_BYTES_MAX);
    const sealed = Buffer.allocUnsafe(bytes.length + records * RECORD_HEADER_BYTES);
    let at = 0;
    for (let from = 0; from < bytes.length; from += RECORD_PAYLOAD_BYTES_MAX) {
      const payload = bytes.subarray(from, from + RECORD_PAYLOAD_BYTES_MAX);
      sealed.writeUInt32BE(payload.length, at);
      this.#tag(payload).copy(sealed, at + 4, 0, RECORD_TAG_BYTES);
      sealed.set(payload, at + RECORD_HEADER_BYTES);
      at += RECORD_HEADER_BYTES + payload.length;
    }
    return sealed;
  }

  #tag(payload: Uint8Array): Buffer {
    const head = Buffer.allocUnsafe(COUNTER_BYTES + 4);
    head.writeBigUInt64BE(this.#count, 0);
    head.writeUInt32BE(payload.length, COUNTER_BYTES);
    this.#count += 1n;
    return createHmac("sha256", this.#key).update(head).update(payload).digest();
  }
}
