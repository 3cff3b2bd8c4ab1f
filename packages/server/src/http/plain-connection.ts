/**
 * One connection for as long as its requests are plain. The first that is not takes the connection along to Node's server,
 * with all bytes that were not answered yet, and it stays there.
 *
 * One request is handled at a time: what a client sends ahead waits, and beyond a bound it is not read.
 */
import type { ByteSocket } from "../byte-socket.ts";
import {
  PlainRequestReader,
  type PlainHead,
  type PlainRequest,
  type PlainRequestLimits,
} from "./plain-request.ts";
import { PlainResponse, type PlainResponseSink } from "./plain-response.ts";
import { roomOf, type ReceiveBudget } from "./receive-budget.ts";

export type PlainConnectionOptions = {
  readonly socket: ByteSocket;
  readonly limits: PlainRequestLimits;
  readonly keepAliveS: number;
  /** Milliseconds since the epoch, for the header `date`. */
  readonly now: () => number;
  readonly budget: ReceiveBudget;
  /** The whole response for a body that there is no room for. */
  readonly noRoom: () => string;
  readonly handle: (req: PlainRequest, res: PlainResponse) => void;
  /** Goes on with a connection that begins with these bytes. */
  readonly handOver: (bytes: Uint8Array) => void;
  /** It has ended, or was handed over. */
  readonly onEnd: () => void;
};

const AHEAD_BYTES_MAX = 64 * 1024;

/** What a connection waits for: a request, the rest of one, its own answer, or the client to read. */
type Phase = "idle" | "body" | "answer" | "drain" | "over";

export class PlainConnection implements PlainResponseSink {
  readonly #options: PlainConnectionOptions;
  readonly #reader: PlainRequestReader;
  #phase: Phase = "idle";
  /** Received and not handled. */
  #received: Buffer | undefined;
  /** The rest of a body that is still coming. */
  #chunks: Buffer[] = [];
  #head: PlainHead | undefined;
  #missing = 0;
  /** What the chunks took of the budget. */
  #kept = 0;
  #response: PlainResponse | undefined;
  #isReading = false;
  /** Sweeps since it last changed what it waits for. */
  #age = 0;
  #hasServed = false;

  constructor(options: PlainConnectionOptions) {
    this.#options = options;
    this.#reader = new PlainRequestReader(options.limits);
    const { socket } = options;
    socket.on("data", this.#onData);
    socket.on("drain", this.#onDrain);
    socket.on("end", this.#onEnd);
    socket.on("error", this.#onError);
    socket.on("close", this.#onClose);
  }

  get isOpen(): boolean {
    return this.#phase !== "over" && !this.#options.socket.destroyed;
  }

  /** Sweeps for which it has waited: for a client that owes a request, or the rest of one. Undefined: for something else. */
  get owed(): { readonly sweeps: number; readonly what: "request" | "rest" | "next request" } | undefined {
    if (this.#phase === "body") return { sweeps: this.#age, what: "rest" };
    if (this.#phase !== "idle") return undefined;
    return { sweeps: this.#age, what: this.#hasServed ? "next request" : "request" };
  }

  sweep(): void {
    this.#age += 1;
  }

  /** Ends it: at once when it is idle, with its answer otherwise. */
  endSoon(): void {
    if (this.#response === undefined) this.destroy();
    else this.#response.shouldKeepAlive = false;
  }

  destroy(): void {
    this.#options.socket.destroy();
    this.#onClose();
  }

  /** Ends it with a complete response for what never became a request. */
  refuse(response: string): void {
    this.#release();
    const { socket } = this.#options;
    socket.end(response, () => void socket.destroy());
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#phase === "body") {
      this.#addToBody(chunk);
      return;
    }
    this.#received = this.#received === undefined ? chunk : Buffer.concat([this.#received, chunk]);
    if (this.#phase === "idle") this.#readRequests();
    // A socket that is not read does not tell that its client has gone, so a little is taken.
    else if (this.#received.length > AHEAD_BYTES_MAX) this.#options.socket.pause();
  };

  /** Answers that are given within the call come back to the loop, not into a deeper one. */
  #readRequests(): void {
    if (this.#isReading) return;
    this.#isReading = true;
    while (this.#phase === "idle" && this.#received !== undefined) this.#readRequest(this.#received);
    this.#isReading = false;
  }

  #readRequest(received: Buffer): void {
    const head = this.#reader.read(received);
    if (head === "unusual") {
      this.#handOver(received);
      return;
    }
    const end = head.headBytes + head.bodyBytes;
    const body = received.subarray(head.headBytes, end);
    this.#received = received.length > end ? received.subarray(end) : undefined;
    if (body.length === head.bodyBytes) {
      this.#handle(head, body);
      return;
    }
    this.#turn("body");
    this.#head = head;
    this.#missing = head.bodyBytes;
    this.#keep(body);
  }

  /** False: there is no room for it, and the connection ends. */
  #keep(part: Buffer): boolean {
    if (part.length === 0) return true;
    const { budget, noRoom } = this.#options;
    const room = roomOf(part);
    if (!budget.take(room)) {
      this.refuse(noRoom());
      return false;
    }
    this.#kept += room;
    this.#chunks.push(part);
    this.#missing -= part.length;
    return true;
  }

  #dropChunks(): void {
    this.#options.budget.giveBack(this.#kept);
    this.#kept = 0;
    this.#chunks = [];
  }

  #addToBody(chunk: Buffer): void {
    const head = this.#head;
    if (head === undefined) return;
    const part = chunk.subarray(0, this.#missing);
    if (!this.#keep(part) || this.#missing > 0) return;
    if (chunk.length > part.length) this.#received = chunk.subarray(part.length);
    const body = Buffer.concat(this.#chunks, head.bodyBytes);
    this.#dropChunks();
    this.#head = undefined;
    this.#handle(head, body);
    this.#readRequests();
  }

  #handle({ method, url, httpVersion, headers, headerCount }: PlainHead, body: Uint8Array): void {
    const { socket, keepAliveS, handle, now } = this.#options;
    const response = new PlainResponse(this, keepAliveS, now);
    this.#response = response;
    this.#turn("answer");
    handle({ method, url, httpVersion, headers, headerCount, socket, body }, response);
  }

  send(bytes: Uint8Array, keepAlive: boolean): void {
    this.#response = undefined;
    this.#hasServed = true;
    const { socket } = this.#options;
    if (!this.isOpen) return;
    const isTaken = socket.write(bytes);
    if (!keepAlive) {
      this.#turn("over");
      this.#received = undefined;
      // Whether or not the client closes its side: a connection that is over holds no place.
      socket.destroySoon();
      return;
    }
    this.#turn(isTaken ? "idle" : "drain");
    if (isTaken) this.#goOn();
  }

  #goOn(): void {
    if (this.#options.socket.isPaused()) this.#options.socket.resume();
    if (this.#received !== undefined) this.#readRequests();
  }

  readonly #onDrain = (): void => {
    if (this.#phase !== "drain") return;
    this.#turn("idle");
    this.#goOn();
  };

  #turn(phase: Phase): void {
    this.#phase = phase;
    this.#age = 0;
  }

  #handOver(bytes: Uint8Array): void {
    const { socket, handOver } = this.#options;
    this.#release();
    socket.off("error", this.#onError);
    if (!socket.destroyed) handOver(bytes);
  }

  /** Nothing that the socket does concerns it any more, but for errors: one that nobody hears would end the process. */
  #release(): void {
    const { socket, onEnd } = this.#options;
    this.#phase = "over";
    this.#received = undefined;
    this.#dropChunks();
    socket.off("data", this.#onData);
    socket.off("drain", this.#onDrain);
    socket.off("end", this.#onEnd);
    socket.off("close", this.#onClose);
    onEnd();
  }

  /** The client has said all it will. Like Node's server: whoever stops sending is not waiting for an answer. */
  readonly #onEnd = (): void => {
    this.#options.socket.end();
  };

  readonly #onError = (): void => {}; // "close" follows.

  readonly #onClose = (): void => {
    const response = this.#response;
    this.#response = undefined;
    this.#release();
    response?.closed();
  };
}
