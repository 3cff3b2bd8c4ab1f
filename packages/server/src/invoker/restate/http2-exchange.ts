/** One stream of an HTTP/2 connection, from before it has one. */
import { constants, type ClientHttp2Session, type ClientHttp2Stream } from "node:http2";

import { connectionTrouble } from "./connection-trouble.ts";
import type { Exchange, ExchangeListener, ExchangeRequest } from "./exchange.ts";

export class Http2Exchange implements Exchange {
  readonly #request: ExchangeRequest;
  readonly #listener: ExchangeListener;
  readonly #givenUp: () => void;
  #stream: ClientHttp2Stream | undefined;
  #error: Error | undefined;
  #isOver = false;

  /** `givenUp`: cancelled before it began. */
  constructor(request: ExchangeRequest, listener: ExchangeListener, givenUp: () => void) {
    this.#request = request;
    this.#listener = listener;
    this.#givenUp = givenUp;
  }

  /** Calls `ended` once the stream is no more. */
  begin(session: ClientHttp2Session, ended: () => void): void {
    let stream: ClientHttp2Stream;
    try {
      const { method, path, headers } = this.#request;
      stream = session.request(
        { ...headers, [constants.HTTP2_HEADER_METHOD]: method, [constants.HTTP2_HEADER_PATH]: path },
        { endStream: false },
      );
    } catch (error) {
      queueMicrotask(() => {
        ended();
        this.fail(connectionTrouble(error), false);
      });
      return;
    }
    this.#stream = stream;
    stream.on("response", (headers) =>
      this.#tell(() => this.#listener.onHead(headers[":status"] ?? 0, headers)),
    );
    stream.on("data", (chunk: Uint8Array) => this.#tell(() => this.#listener.onData(chunk)));
    stream.on("drain", () => this.#tell(() => this.#listener.onWritable()));
    stream.on("end", () => {
      // A reset ends the readable side as well; "close" tells.
      if (this.#isOver || stream.rstCode !== constants.NGHTTP2_NO_ERROR || stream.aborted) return;
      this.#isOver = true;
      // What the other side has not read of the request by now it will not read; the stream would wait for it for ever.
      if (!stream.writableFinished) stream.close(constants.NGHTTP2_CANCEL);
      this.#listener.onEnd();
    });
    stream.on("error", (error: Error) => {
      this.#error = error;
    });
    stream.on("close", () => {
      ended();
      const { rstCode } = stream;
      // The other side has seen nothing of a stream that it refused.
      this.fail(this.#reason(rstCode), rstCode !== constants.NGHTTP2_REFUSED_STREAM);
    });
    this.#tell(() => this.#listener.onWritable());
  }

  #reason(rstCode: number | undefined): string {
    if (rstCode !== undefined && rstCode !== constants.NGHTTP2_NO_ERROR)
      return `the stream was reset (${resetName(rstCode)})`;
    return this.#error === undefined ? "the connection was closed" : connectionTrouble(this.#error);
  }

  #tell(event: () => void): void {
    if (!this.#isOver) event();
  }

  fail(reason: string, isReached: boolean): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#listener.onBroken(reason, isReached);
  }

  write(bytes: Uint8Array): boolean {
    const stream = this.#stream;
    if (stream === undefined || stream.destroyed || stream.writableEnded) return true;
    return stream.write(bytes);
  }

  end(): void {
    this.#stream?.end();
  }

  pause(): void {
    this.#stream?.pause();
  }

  resume(): void {
    this.#stream?.resume();
  }

  cancel(): void {
    this.#isOver = true;
    if (this.#stream === undefined) this.#givenUp();
    else if (!this.#stream.closed) this.#stream.close(constants.NGHTTP2_CANCEL);
  }
}

const RESET_NAMES: Readonly<Record<number, string>> = {
  [constants.NGHTTP2_PROTOCOL_ERROR]: "PROTOCOL_ERROR",
  [constants.NGHTTP2_INTERNAL_ERROR]: "INTERNAL_ERROR",
  [constants.NGHTTP2_FLOW_CONTROL_ERROR]: "FLOW_CONTROL_ERROR",
  [constants.NGHTTP2_STREAM_CLOSED]: "STREAM_CLOSED",
  [constants.NGHTTP2_REFUSED_STREAM]: "REFUSED_STREAM",
  [constants.NGHTTP2_CANCEL]: "CANCEL",
  [constants.NGHTTP2_ENHANCE_YOUR_CALM]: "ENHANCE_YOUR_CALM",
};

function resetName(code: number): string {
  return RESET_NAMES[code] ?? `code ${code}`;
}
