/**
 * The native wire: one connection between engine and SDK, all sessions multiplexed on it.
 *
 * After the upgrade (the protocol's version is in the handshake) both directions carry frames: a header of 16 bytes,
 * big-endian, and a body.
 *
 * | bytes | content                                                                                    |
 * |-------|--------------------------------------------------------------------------------------------|
 * | 0-3   | length of the body                                                                         |
 * | 4-5   | type: a message of `message.ts`, or one of `FrameType` for the connection itself            |
 * | 6-7   | flags; none is defined, all 0, ignored by receivers                                        |
 * | 8-11  | session: chosen by the engine, counted up from 1, never used twice on a connection; 0 is   |
 * |       | the connection                                                                             |
 * | 12-15 | check word over the twelve bytes before, see `checkWord`                                   |
 *
 * Credit bounds what a session may have under way in one direction. It counts the bodies of message frames, Start
 * included, without headers. A frame may be sent while there is credit left, and may overdraw it, so no message needs to
 * be split; the receiver grants back exactly the bytes of bodies it has dealt with.
 *
 * A session begins with a Start frame from the engine and is over after End, Suspension, Error or CloseSession. Frames of
 * a session that is over are dropped by the receiver: they crossed the ending on their way.
 */

import { writeMessage } from "./message-codec.ts";
import type { Message } from "./message.ts";
import { ProtobufReader } from "./protobuf-reader.ts";
import { ProtobufWriter } from "./protobuf-writer.ts";
import { ProtocolError } from "./protocol-error.ts";

export const FRAME_HEADER_BYTES = 16;
/** Default limit of one body. Larger values are refused before anything is buffered. */
export const FRAME_BODY_BYTES_MAX: number = 32 * 1024 * 1024;
/** Bytes of bodies a sender may have under way in one session before the receiver has granted more. */
export const INITIAL_SESSION_CREDIT_BYTES: number = 1024 * 1024;

/** Frames that concern the connection or a session as a whole. Lie where the message model leaves codes free. */
export const FrameType = {
  /** Session 0, any body: answer with Pong and the same body. */
  Ping: 0xfc00,
  Pong: 0xfc01,
  /** The session is over without a result: the engine aborts the attempt, or the SDK has lost it. Body `{1: reason}`. */
  CloseSession: 0xfc02,
  /** The receiver grants that many more bytes of bodies in this session (0: on the connection). Body `{1: bytes}`. */
  Credit: 0xfc03,
  /** Session 0: no new sessions on this connection, those that run go on. Body `{1: reason}`. */
  GoAway: 0xfc04,
} as const;

export type Frame = {
  readonly type: number;
  readonly flags: number;
  readonly session: number;
  /** May be a view into the chunk it came in: copy what is kept for longer than the chunk. */
  readonly body: Uint8Array;
  /** Length of a body that was skipped because it is too large; `body` is then empty. Only where it was asked for. */
  readonly skippedBytes?: number;
};

const CHECK_SEED = 0x484f4c44;
/** What is set aside at first for a body that is still arriving; a mere announcement must not cost 32 MiB. */
const FIRST_BODY_BYTES = 64 * 1024;
const EMPTY = new Uint8Array(0);

/**
 * Tells a lost place in the stream from a header: without it, any four bytes would be taken for a length. It is no
 * checksum of the content; the transport has one.
 */
export function checkWord(length: number, typeAndFlags: number, session: number): number {
  return (
    (CHECK_SEED ^
      length ^
      ((typeAndFlags << 11) | (typeAndFlags >>> 21)) ^
      ((session << 7) | (session >>> 25))) >>>
    0
  );
}

/** Cuts a byte stream into frames. After it has thrown, the connection is lost: there is no next frame to be found. */
export class FrameDecoder {
  readonly #bodyBytesMax: number;
  readonly #skipsTooLarge: boolean;
  readonly #header = new Uint8Array(FRAME_HEADER_BYTES);
  #headerFilled = 0;
  #type = 0;
  #flags = 0;
  #session = 0;
  #length = 0;
  #body: Uint8Array = EMPTY;
  #bodyFilled = 0;

  /**
   * @param options.tooLarge What becomes of a session's frame beyond `maxBodyBytes`: "throw" (default), or "skip", which
   *   passes over its body as it arrives, so that one session's mistake does not cost the others their connection.
   */
  constructor(options?: { readonly maxBodyBytes?: number; readonly tooLarge?: "throw" | "skip" }) {
    this.#bodyBytesMax = options?.maxBodyBytes ?? FRAME_BODY_BYTES_MAX;
    this.#skipsTooLarge = options?.tooLarge === "skip";
  }

  /** The frames that `chunk` completes, in order. Throws ProtocolError; frames before the faulty one are lost with it. */
  push(chunk: Uint8Array): readonly Frame[] {
    const frames: Frame[] = [];
    let position = 0;
    while (position < chunk.length) {
      if (this.#headerFilled < FRAME_HEADER_BYTES) {
        position = this.#takeHeader(chunk, position);
        if (this.#headerFilled < FRAME_HEADER_BYTES) break;
      }
      position = this.#takeBody(chunk, position, frames);
    }
    return frames;
  }

  /** Whether the stream may end here. */
  get isBetweenFrames(): boolean {
    return this.#headerFilled === 0;
  }

  #takeHeader(chunk: Uint8Array, position: number): number {
    const available = chunk.length - position;
    if (this.#headerFilled === 0 && available >= FRAME_HEADER_BYTES) {
      this.#headerFilled = FRAME_HEADER_BYTES;
      this.#readHeader(chunk, position);
      return position + FRAME_HEADER_BYTES;
    }
    const count = Math.min(FRAME_HEADER_BYTES - this.#headerFilled, available);
    this.#header.set(chunk.subarray(position, position + count), this.#headerFilled);
    this.#headerFilled += count;
    if (this.#headerFilled === FRAME_HEADER_BYTES) this.#readHeader(this.#header, 0);
    return position + count;
  }

  #readHeader(bytes: Uint8Array, at: number): void {
    const length = readUint32(bytes, at);
    const typeAndFlags = readUint32(bytes, at + 4);
    const session = readUint32(bytes, at + 8);
    if (readUint32(bytes, at + 12) !== checkWord(length, typeAndFlags, session)) {
      throw new ProtocolError("frame-header-invalid", "The stream holds no frame header where one must be");
    }
    if (length > this.#bodyBytesMax && !(this.#skipsTooLarge && session !== 0)) {
      throw new ProtocolError(
        "frame-too-large",
        `A frame announces ${length} bytes, more than maxBodyBytes allows (${this.#bodyBytesMax})`,
      );
    }
    this.#length = length;
    this.#type = typeAndFlags >>> 16;
    this.#flags = typeAndFlags & 0xffff;
    this.#session = session;
    this.#bodyFilled = 0;
  }

  #takeBody(chunk: Uint8Array, position: number, frames: Frame[]): number {
    const missing = this.#length - this.#bodyFilled;
    const available = chunk.length - position;
    if (this.#length > this.#bodyBytesMax) return this.#skipBody(chunk, position, frames);
    if (available < missing) {
      this.#keep(chunk.subarray(position));
      return chunk.length;
    }
    let body: Uint8Array;
    if (this.#bodyFilled === 0) {
      body = this.#length === 0 ? EMPTY : chunk.subarray(position, position + missing);
    } else {
      this.#keep(chunk.subarray(position, position + missing));
      body = this.#body.subarray(0, this.#length);
      this.#body = EMPTY;
    }
    frames.push({ type: this.#type, flags: this.#flags, session: this.#session, body });
    this.#headerFilled = 0;
    return position + missing;
  }

  #skipBody(chunk: Uint8Array, position: number, frames: Frame[]): number {
    const count = Math.min(this.#length - this.#bodyFilled, chunk.length - position);
    this.#bodyFilled += count;
    if (this.#bodyFilled === this.#length) {
      const skippedBytes = this.#length;
      frames.push({
        type: this.#type,
        flags: this.#flags,
        session: this.#session,
        body: EMPTY,
        skippedBytes,
      });
      this.#headerFilled = 0;
    }
    return position + count;
  }

  #keep(part: Uint8Array): void {
    const filled = this.#bodyFilled + part.length;
    if (filled > this.#body.length) {
      const larger = new Uint8Array(Math.min(this.#length, Math.max(FIRST_BODY_BYTES, filled * 2)));
      larger.set(this.#body.subarray(0, this.#bodyFilled), 0);
      this.#body = larger;
    }
    this.#body.set(part, this.#bodyFilled);
    this.#bodyFilled = filled;
  }
}

/** Gathers frames for one socket write. */
export class FrameWriter {
  readonly #writer: ProtobufWriter;
  readonly #bodyBytesMax: number;

  constructor(options?: { readonly maxBodyBytes?: number; readonly bufferSize?: number }) {
    this.#writer = new ProtobufWriter(options?.bufferSize ?? 64 * 1024);
    this.#bodyBytesMax = options?.maxBodyBytes ?? FRAME_BODY_BYTES_MAX;
  }

  /** Bytes that wait for `take`. */
  get length(): number {
    return this.#writer.length;
  }

  /** Appends a frame with an encoded body, which is copied. Returns the length of the body, which is what credit counts. */
  append(type: number, session: number, body: Uint8Array = EMPTY): number {
    const start = this.#begin();
    this.#writer.raw(body);
    return this.#end(start, type, session);
  }

  /** Appends a message, encoded in place. Returns the length of its body, which is what credit counts. */
  appendMessage(session: number, message: Message): number {
    const start = this.#begin();
    try {
      writeMessage(this.#writer, message);
    } catch (error) {
      this.#writer.truncate(start);
      throw error;
    }
    return this.#end(start, message.type, session);
  }

  appendPing(payload: Uint8Array = EMPTY): void {
    this.append(FrameType.Ping, 0, payload);
  }

  appendPong(payload: Uint8Array): void {
    this.append(FrameType.Pong, 0, payload);
  }

  appendCloseSession(session: number, reason: string): void {
    const start = this.#begin();
    this.#writer.string(1, reason);
    this.#end(start, FrameType.CloseSession, session);
  }

  appendCredit(session: number, bytes: number): void {
    const start = this.#begin();
    this.#writer.uint32(1, bytes);
    this.#end(start, FrameType.Credit, session);
  }

  appendGoAway(reason: string): void {
    const start = this.#begin();
    this.#writer.string(1, reason);
    this.#end(start, FrameType.GoAway, 0);
  }

  /** Everything appended since the last `take`. The bytes belong to the caller. */
  take(): Uint8Array {
    return this.#writer.take();
  }

  #begin(): number {
    const start = this.#writer.length;
    this.#writer.gap(FRAME_HEADER_BYTES);
    return start;
  }

  #end(start: number, type: number, session: number): number {
    const length = this.#writer.length - start - FRAME_HEADER_BYTES;
    if (length > this.#bodyBytesMax) {
      this.#writer.truncate(start);
      throw new ProtocolError(
        "frame-too-large",
        `A message of ${length} bytes is larger than maxBodyBytes allows (${this.#bodyBytesMax})`,
      );
    }
    const typeAndFlags = (type << 16) >>> 0;
    this.#writer.patchUint32(start, length);
    this.#writer.patchUint32(start + 4, typeAndFlags);
    this.#writer.patchUint32(start + 8, session);
    this.#writer.patchUint32(start + 12, checkWord(length, typeAndFlags, session));
    return length;
  }
}

/** The reason in a CloseSession or GoAway frame. */
export function decodeReason(body: Uint8Array): string {
  const reader = new ProtobufReader();
  reader.open(body);
  let reason = "";
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) reason = reader.string();
    else reader.skip();
  }
  return reason;
}

/** The bytes a Credit frame grants. */
export function decodeCredit(body: Uint8Array): number {
  const reader = new ProtobufReader();
  reader.open(body);
  let bytes = 0;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) bytes = reader.uint32();
    else reader.skip();
  }
  return bytes;
}

function readUint32(bytes: Uint8Array, at: number): number {
  const high = ((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16);
  return (high | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)) >>> 0;
}
