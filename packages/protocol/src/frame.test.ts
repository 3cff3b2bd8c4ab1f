import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import {
  decodeCredit,
  decodeReason,
  FRAME_HEADER_BYTES,
  FrameDecoder,
  FrameType,
  FrameWriter,
  type Frame,
} from "./frame.ts";
import { anyMessage } from "./message-arbitrary.contract.ts";
import { decodeMessage, encodeMessage } from "./message-codec.ts";
import { MessageType } from "./message.ts";
import { ProtocolError, type ProtocolErrorReason } from "./protocol-error.ts";

const RUN = { type: MessageType.Run, completionId: 1, name: "step" } as const;

test("a frame has the documented bytes", () => {
  const writer = new FrameWriter();
  writer.appendMessage(7, RUN);
  assert.equal(
    hex(writer.take()),
    "00000008" + "0411" + "0000" + "00000007" + "c04f4fec" + "5801620473746570",
  );
});

test("appending tells what it costs in credit: the body, without the header", () => {
  const writer = new FrameWriter();
  assert.equal(writer.appendMessage(7, RUN), 8);
  assert.equal(writer.append(MessageType.Run, 7, new Uint8Array(300)), 300);
  assert.equal(writer.append(MessageType.End, 7), 0);
  assert.equal(writer.length, 308 + 3 * FRAME_HEADER_BYTES);
});

test("the same frames come out of any chunks", () => {
  const frame = fc.record({
    type: fc.nat(0xffff),
    session: fc.nat(0xffff_ffff),
    body: fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ minLength: 100, maxLength: 3000 })),
  });
  fc.assert(
    fc.property(
      fc.array(frame, { maxLength: 12 }),
      fc.array(fc.integer({ min: 1, max: 2000 })),
      (frames, cuts) => {
        const writer = new FrameWriter();
        for (const { body, session, type } of frames) writer.append(type, session, body);
        const decoder = new FrameDecoder();
        const seen: Frame[] = [];
        for (const chunk of chunksOf(writer.take(), cuts)) {
          seen.push(...decoder.push(chunk).map((one) => ({ ...one, body: one.body.slice() })));
        }
        assert.deepEqual(
          seen,
          frames.map((one) => ({ ...one, flags: 0 })),
        );
        assert.ok(decoder.isBetweenFrames);
      },
    ),
  );
});

test("byte by byte and all at once are the same", () => {
  const writer = new FrameWriter();
  for (let session = 1; session <= 5; session++) writer.appendMessage(session, RUN);
  const bytes = writer.take();
  const decoder = new FrameDecoder();
  const slow = [...bytes].flatMap((byte) => decoder.push(Uint8Array.of(byte)));
  assert.deepEqual(slow, new FrameDecoder().push(bytes));
  assert.equal(slow.length, 5);
});

test("messages encoded in place are those encoded apart", () => {
  fc.assert(
    fc.property(fc.array(anyMessage, { maxLength: 20 }), fc.nat(3), (messages, every) => {
      const inPlace = new FrameWriter({ bufferSize: 256 });
      const apart = new FrameWriter();
      const taken: Uint8Array[] = [];
      for (const [index, message] of messages.entries()) {
        inPlace.appendMessage(index, message);
        apart.append(message.type, index, encodeMessage(message));
        if (index % (every + 1) === 0) taken.push(inPlace.take());
      }
      taken.push(inPlace.take());
      assert.equal(hex(Buffer.concat(taken)), hex(apart.take()));
    }),
  );
});

test("bytes that were taken are never written again", () => {
  const writer = new FrameWriter({ bufferSize: 512 });
  const decoder = new FrameDecoder();
  const taken: Uint8Array[] = [];
  for (let index = 0; index < 500; index++) {
    writer.append(MessageType.Run, index, new Uint8Array(index % 100).fill(index));
    if (index % 3 === 0) taken.push(writer.take());
  }
  taken.push(writer.take());
  const frames = taken.flatMap((chunk) => [...decoder.push(chunk)]);
  assert.equal(frames.length, 500);
  for (const [index, { body, session }] of frames.entries()) {
    assert.equal(session, index);
    assert.deepEqual(body, new Uint8Array(index % 100).fill(index));
  }
});

test("a body beyond the limit is refused when it is announced, not when it has arrived", () => {
  const writer = new FrameWriter();
  writer.append(MessageType.Run, 1, new Uint8Array(1001));
  const header = writer.take().subarray(0, FRAME_HEADER_BYTES);
  assert.throws(
    () => new FrameDecoder({ maxBodyBytes: 1000 }).push(header),
    isRefused("frame-too-large", /maxBodyBytes/),
  );
  assert.deepEqual(new FrameDecoder({ maxBodyBytes: 1001 }).push(header), []);
});

test("a body beyond the limit can be skipped: the frames around it arrive, whatever the chunks", () => {
  const writer = new FrameWriter();
  writer.appendMessage(1, RUN);
  writer.append(MessageType.Output, 2, new Uint8Array(5_000));
  writer.appendMessage(3, RUN);
  const bytes = writer.take();
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 3000 })), (cuts) => {
      const decoder = new FrameDecoder({ maxBodyBytes: 100, tooLarge: "skip" });
      const seen: Frame[] = [];
      for (const chunk of chunksOf(bytes, cuts)) seen.push(...decoder.push(chunk));
      assert.deepEqual(
        seen.map(({ session, type, body, skippedBytes }) => [session, type, body.length, skippedBytes]),
        [
          [1, MessageType.Run, 8, undefined],
          [2, MessageType.Output, 0, 5_000],
          [3, MessageType.Run, 8, undefined],
        ],
      );
      assert.ok(decoder.isBetweenFrames);
    }),
  );
});

test("a frame of the connection itself is never skipped", () => {
  const writer = new FrameWriter();
  writer.appendPing(new Uint8Array(5_000));
  const decoder = new FrameDecoder({ maxBodyBytes: 100, tooLarge: "skip" });
  assert.throws(() => decoder.push(writer.take()), isRefused("frame-too-large", /5000/));
});

test("a writer refuses what its peer would, and goes on", () => {
  const writer = new FrameWriter({ maxBodyBytes: 100 });
  writer.appendMessage(1, RUN);
  assert.throws(
    () => writer.append(MessageType.Run, 1, new Uint8Array(101)),
    isRefused("frame-too-large", /maxBodyBytes/),
  );
  assert.throws(() => writer.appendMessage(1, { ...RUN, completionId: -1 }), RangeError);
  writer.appendMessage(2, RUN);
  assert.deepEqual(
    new FrameDecoder().push(writer.take()).map(({ session }) => session),
    [1, 2],
  );
});

test("a lost place in the stream is noticed at the next header", () => {
  const writer = new FrameWriter();
  writer.appendMessage(1, RUN);
  writer.appendMessage(2, RUN);
  const bytes = writer.take();
  for (let lost = 1; lost < FRAME_HEADER_BYTES; lost++) {
    assert.throws(
      () => new FrameDecoder().push(bytes.subarray(lost)),
      isRefused("frame-header-invalid", /header/),
    );
  }
});

test("every flipped bit of a header is noticed", () => {
  const writer = new FrameWriter();
  writer.appendMessage(1, RUN);
  const bytes = writer.take();
  for (let bit = 0; bit < FRAME_HEADER_BYTES * 8; bit++) {
    const flipped = bytes.slice();
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.throws(
      () => new FrameDecoder().push(flipped),
      isRefused("frame-header-invalid", /header/),
      `bit ${bit}`,
    );
  }
});

test("any bytes give frames or a ProtocolError", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 5 }), (chunks) => {
      const decoder = new FrameDecoder();
      try {
        for (const chunk of chunks) decoder.push(chunk);
      } catch (error) {
        assert.ok(error instanceof ProtocolError);
      }
    }),
  );
});

test("an announcement alone does not set memory aside for its body", () => {
  const writer = new FrameWriter();
  writer.append(MessageType.Run, 1, new Uint8Array(32 * 1024 * 1024));
  const bytes = writer.take();
  const before = process.memoryUsage().arrayBuffers;
  const decoders = Array.from({ length: 20 }, () => new FrameDecoder());
  for (const decoder of decoders) decoder.push(bytes.subarray(0, 1000));
  assert.ok(process.memoryUsage().arrayBuffers - before < 20 * 1024 * 1024);
  assert.equal(decoders[0]?.push(bytes.subarray(1000))[0]?.body.length, 32 * 1024 * 1024);
});

test("a frame under way is told from the end of one", () => {
  const writer = new FrameWriter();
  writer.appendMessage(1, RUN);
  const bytes = writer.take();
  const decoder = new FrameDecoder();
  decoder.push(bytes.subarray(0, 3));
  assert.ok(!decoder.isBetweenFrames);
  decoder.push(bytes.subarray(3, 18));
  assert.ok(!decoder.isBetweenFrames);
  decoder.push(bytes.subarray(18));
  assert.ok(decoder.isBetweenFrames);
});

test("frames of the connection carry what they are for", () => {
  const writer = new FrameWriter();
  writer.appendPing(Uint8Array.of(1, 2));
  writer.appendPong(Uint8Array.of(1, 2));
  writer.appendCloseSession(5, "aborted: paused by an operator");
  writer.appendCredit(5, 65_536);
  writer.appendGoAway("shutting down");
  const [ping, pong, close, credit, goAway] = new FrameDecoder().push(writer.take());
  assert.deepEqual([ping?.type, ping?.session, ping?.body], [FrameType.Ping, 0, Uint8Array.of(1, 2)]);
  assert.deepEqual([pong?.type, pong?.session, pong?.body], [FrameType.Pong, 0, Uint8Array.of(1, 2)]);
  assert.deepEqual([close?.type, close?.session], [FrameType.CloseSession, 5]);
  assert.equal(decodeReason(close?.body ?? new Uint8Array(0)), "aborted: paused by an operator");
  assert.deepEqual([credit?.type, credit?.session], [FrameType.Credit, 5]);
  assert.equal(decodeCredit(credit?.body ?? new Uint8Array(0)), 65_536);
  assert.deepEqual([goAway?.type, goAway?.session], [FrameType.GoAway, 0]);
  assert.equal(decodeReason(goAway?.body ?? new Uint8Array(0)), "shutting down");
});

test("types of frames and of messages do not meet", () => {
  for (const type of Object.values(FrameType)) {
    assert.throws(() => decodeMessage(type, new Uint8Array(0)), isRefused("message-type-unknown", /unknown/));
  }
});

function* chunksOf(bytes: Uint8Array, cuts: readonly number[]): Iterable<Uint8Array> {
  let at = 0;
  for (let index = 0; at < bytes.length; index++) {
    const length = cuts[index % Math.max(1, cuts.length)] ?? 1;
    yield bytes.slice(at, at + length);
    at += length;
  }
}

function isRefused(reason: ProtocolErrorReason, message: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof ProtocolError && error.reason === reason && message.test(error.message);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
