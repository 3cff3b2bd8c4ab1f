/** Frames of the Restate protocol, against bytes that were seen on its wire. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import {
  encodeMessage,
  encodeRestateStart,
  MessageType,
  parseInvocationId,
  ProtocolError,
  type StartMessage,
} from "@holdfast/protocol";

import {
  RESTATE_HEADER_BYTES,
  RestateFrameReader,
  writeRestateFrame,
  type RestateFrame,
} from "./restate-frame.ts";

const hex = (text: string): Uint8Array => Buffer.from(text.replaceAll(" ", ""), "hex");
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

const INVOCATION = "inv_1foAirY4KKzi4tTP0Tg6aeuiRBSQFCQt9k";
/** The id that the Start below was sent with, by its raw form. */
const STARTED = "548ae3cba54055b3ca11592a61236886774b135ec6ab0b97";

const START = hex(
  `
  0000 0000 00000060
  0a18 ${STARTED} 1226 696e765f31666f41697259344b4b7a6934423161515049654637567a7963556539474c413253
  1801 220a 0a05636f756e74 120133 3202 6b31 4003 48 af93979fb2d1d98512`.replaceAll(/\s/g, ""),
);

const start: StartMessage = {
  type: MessageType.Start,
  invocationId: "inv_1foAirY4KKzi4B1aQPIeF7VzycUe9GLA2S",
  knownEntries: 1,
  state: [["count", new TextEncoder().encode("3")]],
  partialState: false,
  key: "k1",
  retryCount: 0,
  sinceLastEntryMs: 3,
  randomSeed: 0n,
  service: "counter",
  handler: "add",
  attempt: 7,
  stepFailures: [[1, 2]],
  recordedOn: "dp_1",
  deployment: "dp_2",
};

/** The varint behind the tag of field 9. */
function seedOf(frame: Uint8Array): bigint {
  return frame.subarray(-9).reduceRight((seed, byte) => (seed << 7n) | BigInt(byte & 127), 0n);
}

function framed(type: number, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(RESTATE_HEADER_BYTES + body.length);
  assert.equal(writeRestateFrame(bytes, 0, type, body), bytes.length);
  return bytes;
}

describe("a frame is written as Restate writes it:", () => {
  it("Start, with nothing in it that only our wire knows", () => {
    const body = encodeRestateStart({ ...start, randomSeed: seedOf(START) }, 6);
    assert.equal(text(framed(MessageType.Start, body)), text(START));
  });

  it("Start of version 5, without a seed", () => {
    const body = encodeRestateStart({ ...start, randomSeed: seedOf(START) }, 5);
    assert.equal(text(body), text(START.subarray(RESTATE_HEADER_BYTES, -10)));
  });

  it("Start of a plain service, with state that may be incomplete", () => {
    const plain = { ...start, state: [], partialState: true, key: "", sinceLastEntryMs: 0, retryCount: 2 };
    const body = text(encodeRestateStart(plain, 6));
    assert.ok(body.endsWith("1801" + "2801" + "3802"), body);
  });

  const others = [
    {
      name: "cancel",
      message: { type: MessageType.Signal, index: 1, result: { kind: "void" } } as const,
      bytes: "fbff 0000 00000004 1001 2200",
    },
    {
      name: "the completion of a sleep",
      message: { type: MessageType.SleepCompletion, completionId: 2, result: { kind: "void" } } as const,
      bytes: "800c 0000 00000004 0802 2200",
    },
    { name: "End", message: { type: MessageType.End } as const, bytes: "0003 0000 00000000" },
    {
      name: "the completion of a step, whose value is wrapped",
      message: {
        type: MessageType.RunCompletion,
        completionId: 1,
        result: { kind: "value", value: new TextEncoder().encode('"r"') },
      } as const,
      bytes: "8011 0000 00000009 0801 2a05 0a03 227222",
    },
    {
      name: "the input",
      message: { type: MessageType.Input, headers: [], value: new Uint8Array(0) } as const,
      bytes: "0400 0000 00000002 7200",
    },
  ];
  for (const { name, message, bytes } of others) {
    it(name, () => assert.equal(text(framed(message.type, encodeMessage(message))), text(hex(bytes))));
  }

  it("with the raw id of 24 bytes that belongs to the text", () => {
    assert.equal(text(parseInvocationId(start.invocationId) ?? new Uint8Array(0)), STARTED);
    assert.equal(
      text(parseInvocationId(INVOCATION) ?? new Uint8Array(0)),
      "548ae3cba54055b35616a8c03f04b9d5a805b5e7f5e94593",
    );
  });
});

describe("frames are read", () => {
  const stream = Buffer.concat([START, hex("800c 0000 00000004 0802 2200"), hex("0003 8000 00000000")]);
  const expected = [
    { type: 0x0000, flags: 0, body: text(START.subarray(RESTATE_HEADER_BYTES)) },
    { type: 0x800c, flags: 0, body: "08022200" },
    { type: 0x0003, flags: 0x8000, body: "" },
  ];
  const shown = ({ type, flags, body }: RestateFrame): object => ({ type, flags, body: text(body) });

  it("wherever the stream is cut in two", () => {
    for (let cut = 0; cut <= stream.length; cut++) {
      const reader = new RestateFrameReader(1024);
      const frames: object[] = [];
      reader.push(stream.subarray(0, cut), (frame) => frames.push(shown(frame)));
      reader.push(stream.subarray(cut), (frame) => frames.push(shown(frame)));
      assert.deepEqual(frames, expected, `cut at ${cut}`);
      assert.ok(reader.isBetweenFrames);
    }
  });

  it("byte by byte", () => {
    const reader = new RestateFrameReader(1024);
    const frames: object[] = [];
    for (const byte of stream) reader.push(Uint8Array.of(byte), (frame) => frames.push(shown(frame)));
    assert.deepEqual(frames, expected);
  });

  it("and known to be cut off anywhere but between two", () => {
    const ends = new Set([0, START.length, START.length + 12, stream.length]);
    for (let cut = 0; cut <= stream.length; cut++) {
      const reader = new RestateFrameReader(1024);
      reader.push(stream.subarray(0, cut), () => {});
      assert.equal(reader.isBetweenFrames, ends.has(cut), `cut at ${cut}`);
    }
  });

  it("with bodies that no later chunk can change", () => {
    const chunk = Uint8Array.from(stream);
    const bodies: Uint8Array[] = [];
    new RestateFrameReader(1024).push(chunk, ({ body }) => bodies.push(body));
    chunk.fill(0);
    assert.equal(text(bodies[1] ?? new Uint8Array(0)), "08022200");
  });

  it("up to the limit and not beyond, whatever was announced", () => {
    const reader = new RestateFrameReader(8);
    const frames: object[] = [];
    const push = (bytes: string): void => reader.push(hex(bytes), (frame) => frames.push(frame));
    push("0401 0000 00000008 0102030405060708");
    assert.equal(frames.length, 1);
    assert.throws(() => push("0401 0000 00000009"), ProtocolError);
    assert.throws(
      () => new RestateFrameReader(8).push(hex("0401 0000 ffffffff"), () => {}),
      /4294967295 bytes is larger than the limit session.messageBytesMax \(8\)/,
    );
  });
});
