/** Frames of the native wire, and the messages in them. */
import { isDeepStrictEqual } from "node:util";

import {
  decodeCredit,
  decodeJournalMessage,
  decodeMessage,
  decodeReason,
  encodeMessage,
  FrameDecoder,
  FrameWriter,
  ProtocolError,
  type Frame,
} from "@holdfast/protocol";

import { ByteSource, sized } from "../engine/byte-source.ts";
import { refusedOr, require, type Target } from "../engine/target.ts";
import { sampleBodies } from "./sample-messages.ts";

const BODY_BYTES_MAX = 2_048;

/** The first byte says what follows: a body, a stream of frames as it is, or frames that are put together here. */
function run(input: Uint8Array): void {
  const source = new ByteSource(input);
  switch (source.below(3)) {
    case 0:
      checkBody(source.uint16(), source.rest());
      return;
    case 1:
      checkStream(source.byte(), source.rest());
      return;
    default:
      checkStream(source.byte(), framesOf(source));
  }
}

/** What is read can be written, and then reads as the same. */
function checkBody(type: number, body: Uint8Array): void {
  refusedOr([ProtocolError], () => decodeReason(body));
  refusedOr([ProtocolError], () => decodeCredit(body));
  refusedOr([ProtocolError], () => decodeJournalMessage(type, body));
  const message = refusedOr([ProtocolError], () => decodeMessage(type, body));
  if (message === undefined) return;
  const again = decodeMessage(message.type, encodeMessage(message));
  require(isDeepStrictEqual(again, message), "a message reads otherwise when written again", message, again);
}

function framesOf(source: ByteSource): Uint8Array {
  const writer = new FrameWriter();
  while (!source.isEmpty) writer.append(source.uint16(), source.below(4), source.bytes());
  return writer.take();
}

/** However the stream is cut into chunks, it holds the same frames, and ends at the same mistake. */
function checkStream(cut: number, stream: Uint8Array): void {
  for (const tooLarge of ["throw", "skip"] as const) {
    const whole = decodeAll([stream], tooLarge);
    const pieces: Uint8Array[] = [];
    // Pieces of growing length, so that every field is cut somewhere.
    for (let at = 0, length = 1 + (cut % 64); at < stream.length; at += length, length += cut % 7)
      pieces.push(stream.subarray(at, at + length));
    const inPieces = decodeAll(pieces, tooLarge);
    // A mistake takes the frames of its own chunk with it, which are fewer in pieces.
    const expected =
      whole.mistake === undefined ? whole.frames : inPieces.frames.slice(0, whole.frames.length);
    require(whole.mistake === inPieces.mistake, "another mistake in pieces", whole.mistake, inPieces.mistake);
    require(isDeepStrictEqual(
      whole.mistake === undefined ? inPieces.frames : expected,
      expected,
    ), "other frames in pieces", whole.frames, inPieces.frames);
    require(whole.isBetweenFrames === inPieces.isBetweenFrames, "another end in pieces");
    if (tooLarge === "throw") for (const { type, body } of whole.frames) checkBody(type, body);
  }
}

type Decoded = { frames: Frame[]; mistake: string | undefined; isBetweenFrames: boolean };

function decodeAll(chunks: readonly Uint8Array[], tooLarge: "throw" | "skip"): Decoded {
  const decoder = new FrameDecoder({ maxBodyBytes: BODY_BYTES_MAX, tooLarge });
  const frames: Frame[] = [];
  try {
    for (const chunk of chunks)
      for (const frame of decoder.push(chunk)) frames.push({ ...frame, body: frame.body.slice() });
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return { frames, mistake: error.message, isBetweenFrames: false };
  }
  return { frames, mistake: undefined, isBetweenFrames: decoder.isBetweenFrames };
}

function streamOf(frames: ReadonlyArray<{ readonly type: number; readonly body: Uint8Array }>): Uint8Array {
  const writer = new FrameWriter();
  for (const { type, body } of frames) writer.append(type, 1, body);
  writer.appendPing(Uint8Array.of(1));
  writer.appendCredit(1, 70_000);
  writer.appendCloseSession(1, "why");
  writer.appendGoAway("done");
  return writer.take();
}

const uint16 = (value: number): Uint8Array => Uint8Array.of(value & 0xff, value >> 8);

export const wireMessages: Target = {
  name: "wire-messages",
  decodes: "frames in any chunking, every message, credit and reasons",
  seeds: () => [
    ...sampleBodies.map(({ type, body }) => Buffer.concat([Uint8Array.of(0), uint16(type), body])),
    Buffer.concat([Uint8Array.of(1, 5), streamOf(sampleBodies.slice(0, 8))]),
    Buffer.concat([
      Uint8Array.of(2, 9),
      ...sampleBodies.slice(8).flatMap(({ type, body }) => [uint16(type), Uint8Array.of(1), sized(body)]),
    ]),
    Buffer.concat([
      Uint8Array.of(1, 63),
      streamOf([{ type: 0x0400, body: new Uint8Array(BODY_BYTES_MAX + 1) }]),
    ]),
  ],
  tokens: [
    "\x80\x80\x80\x80\x10",
    "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    "\xff\xff\xff\xff\x0f",
    "\x00\x00\xff\xff",
    "\x0a\x02",
    "\x12\x00",
    "\xed\xa0\x80",
    "\x00\x04",
    "\x01\xfc",
  ],
  run,
};
