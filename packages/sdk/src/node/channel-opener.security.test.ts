import assert from "node:assert/strict";
import { createHmac, randomBytes } from "node:crypto";
import { test } from "node:test";

import { ChannelOpener } from "./channel-opener.ts";

const KEY = new Uint8Array(32).fill(5);

/** A record as the format describes it, written here a second time on purpose. */
function record(number: number, payload: Uint8Array, key: Uint8Array = KEY): Buffer {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(number));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(payload.length);
  const tag = createHmac("sha256", key)
    .update(counter)
    .update(length)
    .update(payload)
    .digest()
    .subarray(0, 16);
  return Buffer.concat([length, tag, payload]);
}

const payloads = ["first", "second, which is longer", "third"].map((text) => Buffer.from(text));
const stream = Buffer.concat(payloads.map((payload, index) => record(index, payload)));

function opened(opener: ChannelOpener, chunks: Iterable<Uint8Array>): string[] {
  const texts: string[] = [];
  for (const chunk of chunks) for (const part of opener.push(chunk)) texts.push(Buffer.from(part).toString());
  return texts;
}

test("records are opened in order, however the stream is cut", () => {
  for (let size = 1; size <= stream.length; size++) {
    const chunks = Array.from({ length: Math.ceil(stream.length / size) }, (_, index) =>
      stream.subarray(index * size, (index + 1) * size),
    );
    assert.deepEqual(opened(new ChannelOpener(KEY), chunks), payloads.map(String), `cut every ${size} bytes`);
  }
});

test("a stream with any bit changed gives nothing from that record on", () => {
  const whole = payloads.map(String);
  for (let bit = 0; bit < stream.length * 8; bit++) {
    const changed = Buffer.from(stream);
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    const opener = new ChannelOpener(KEY);
    const texts: string[] = [];
    let isRefused = false;
    try {
      for (const byte of changed) texts.push(...opened(opener, [Uint8Array.of(byte)]));
    } catch {
      isRefused = true;
    }
    assert.deepEqual(texts, whole.slice(0, texts.length), `bit ${bit}`);
    // A record that was made longer waits for bytes that never come; nothing of it got through either.
    assert.ok(isRefused || texts.length < whole.length, `bit ${bit}`);
  }
});

test("a record that is repeated, left out, moved, or from another connection is refused", () => {
  const [first, second, third] = payloads.map((payload, index) => record(index, payload)) as [
    Buffer,
    Buffer,
    Buffer,
  ];
  const streams: Readonly<Record<string, readonly Buffer[]>> = {
    repeated: [first, first],
    "left out": [second],
    moved: [first, third, second],
    "from another connection": [first, record(1, Buffer.from("x"), randomBytes(32))],
    "without a tag": [Buffer.from([0, 0, 0, 1]), Buffer.alloc(16), Buffer.from("x")],
  };
  for (const [what, records] of Object.entries(streams))
    assert.throws(() => opened(new ChannelOpener(KEY), records), /not sent by the engine/, what);
});

test("an announcement larger than a record may be is refused before anything is gathered for it", () => {
  for (const length of [0, 256 * 1024 + 1, 0xffff_ffff]) {
    const header = Buffer.alloc(20);
    header.writeUInt32BE(length);
    assert.throws(() => new ChannelOpener(KEY).push(header), /impossible length/, String(length));
  }
});
