/** The other end of HTTP/2 connections, frame by frame: for what no HTTP/2 server would do. */
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";

export const FrameType = { Data: 0, Headers: 1, Reset: 3, Settings: 4, GoAway: 7 } as const;
const END_STREAM = 1;
const END_HEADERS = 4;
const ACK = 1;
const PREFACE_BYTES = 24;
const FRAME_HEADER_BYTES = 9;
const INITIAL_WINDOW_SIZE = 4;
/** ":status: 200" in the table that every HTTP/2 peer has. */
const STATUS_200 = Uint8Array.of(0x88);

type Http2Frame = { readonly type: number; readonly flags: number; readonly stream: number };

/** One connection. It answers no PING, and it is never closed from this end, not even when the other end is. */
export class RawHttp2Connection {
  readonly received: Http2Frame[] = [];
  isEnded = false;
  isClosed = false;
  readonly #socket: Socket;
  #unread: Uint8Array = new Uint8Array(0);
  #hasPreface = false;

  constructor(socket: Socket, onFrame: (frame: Http2Frame) => void) {
    this.#socket = socket;
    socket.on("error", () => {}); // "close" follows.
    socket.on("end", () => {
      this.isEnded = true;
    });
    socket.on("close", () => {
      this.isClosed = true;
    });
    socket.on("data", (chunk) => {
      this.#unread = Buffer.concat([this.#unread, chunk]);
      for (let frame = this.#next(); frame !== undefined; frame = this.#next()) {
        this.received.push(frame);
        if (frame.type === FrameType.Settings && frame.flags !== ACK) this.#send(FrameType.Settings, ACK, 0);
        onFrame(frame);
      }
    });
  }

  #next(): Http2Frame | undefined {
    if (!this.#hasPreface) {
      if (this.#unread.length < PREFACE_BYTES) return undefined;
      this.#unread = this.#unread.subarray(PREFACE_BYTES);
      this.#hasPreface = true;
    }
    if (this.#unread.length < FRAME_HEADER_BYTES) return undefined;
    const bytes = Buffer.from(this.#unread.buffer, this.#unread.byteOffset, this.#unread.length);
    const end = FRAME_HEADER_BYTES + bytes.readUIntBE(0, 3);
    if (bytes.length < end) return undefined;
    this.#unread = bytes.subarray(end);
    return { type: bytes.readUInt8(3), flags: bytes.readUInt8(4), stream: bytes.readUInt32BE(5) };
  }

  #send(type: number, flags: number, stream: number, payload: Uint8Array = new Uint8Array(0)): void {
    const frame = Buffer.alloc(FRAME_HEADER_BYTES + payload.length);
    frame.writeUIntBE(payload.length, 0, 3);
    frame.writeUInt8(type, 3);
    frame.writeUInt8(flags, 4);
    frame.writeUInt32BE(stream, 5);
    frame.set(payload, FRAME_HEADER_BYTES);
    this.#socket.write(frame);
  }

  /** How much of each request it takes. */
  welcome(windowBytes: number): void {
    const setting = Buffer.alloc(6);
    setting.writeUInt16BE(INITIAL_WINDOW_SIZE, 0);
    setting.writeUInt32BE(windowBytes, 2);
    this.#send(FrameType.Settings, 0, 0, setting);
  }

  /** A complete response. */
  answer(stream: number): void {
    this.#send(FrameType.Headers, END_HEADERS, stream, STATUS_200);
    this.#send(FrameType.Data, END_STREAM, stream, Buffer.from("bye"));
  }

  /** No streams after this one. */
  goAway(lastStream: number): void {
    const payload = Buffer.alloc(8);
    payload.writeUInt32BE(lastStream, 0);
    this.#send(FrameType.GoAway, 0, 0, payload);
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

export class RawHttp2 {
  readonly connections: RawHttp2Connection[] = [];
  readonly #server: Server;

  private constructor(windowBytes: number, onRequest: (from: RawHttp2Connection, stream: number) => void) {
    this.#server = createServer({ allowHalfOpen: true }, (socket) => {
      const connection: RawHttp2Connection = new RawHttp2Connection(socket, ({ type, stream }) => {
        if (type === FrameType.Headers) onRequest(connection, stream);
      });
      this.connections.push(connection);
      connection.welcome(windowBytes);
    });
  }

  static async listen(
    windowBytes: number,
    onRequest: (from: RawHttp2Connection, stream: number) => void,
  ): Promise<RawHttp2> {
    const peer = new RawHttp2(windowBytes, onRequest);
    await new Promise<void>((resolve) => {
      peer.#server.listen(0, "127.0.0.1", resolve);
    });
    return peer;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    for (const connection of this.connections) connection.destroy();
    this.#server.close();
  }
}
