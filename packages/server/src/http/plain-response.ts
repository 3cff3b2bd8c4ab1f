/** The response to a plain request: one write of head and body together. */
import { STATUS_CODES } from "node:http";

/** Carries the bytes of one response. */
export interface PlainResponseSink {
  readonly isOpen: boolean;
  send(bytes: Uint8Array, keepAlive: boolean): void;
}

/** What a header's value may not hold: a line break would begin a header of somebody else's choosing. */
const FORBIDDEN = /[^\t\x20-\x7e\x80-\xff]/;

export class PlainResponse {
  /** False: the connection ends with this response. */
  shouldKeepAlive = true;
  readonly #sink: PlainResponseSink;
  readonly #keepAliveS: number;
  readonly #now: () => number;
  #status = 200;
  #headers: readonly string[] = [];
  #extra: string[] | undefined;
  #onClose: (() => void) | undefined;
  #isSent = false;

  constructor(sink: PlainResponseSink, keepAliveS: number, now: () => number) {
    this.#sink = sink;
    this.#keepAliveS = keepAliveS;
    this.#now = now;
  }

  get headersSent(): boolean {
    return this.#isSent;
  }

  /** The client has gone. */
  get destroyed(): boolean {
    return !this.#sink.isOpen;
  }

  setHeader(name: string, value: string): void {
    (this.#extra ??= []).push(name, value);
  }

  /** Names and values in turn. They are sent with the body. */
  writeHead(status: number, headers: readonly string[]): void {
    this.#status = status;
    this.#headers = headers;
  }

  /** As with Node's: called when it has been sent, or when the client is gone. One response has one who listens. */
  on(_event: "close", listener: () => void): void {
    this.#onClose = listener;
  }

  /** The client went away before it was answered. */
  closed(): void {
    if (this.#isSent) return;
    this.#isSent = true;
    this.#onClose?.();
  }

  end(body: string | Uint8Array = ""): void {
    if (this.#isSent) return;
    const bytes = typeof body === "string" ? Buffer.from(body) : body;
    // May throw, and then another answer can still be given.
    const head = this.#head(bytes.length);
    this.#isSent = true;
    const message = Buffer.allocUnsafe(head.length + bytes.length);
    message.write(head, 0, "latin1");
    message.set(bytes, head.length);
    this.#sink.send(message, this.shouldKeepAlive);
    this.#onClose?.();
  }

  #head(bodyBytes: number): string {
    let head = `HTTP/1.1 ${this.#status} ${STATUS_CODES[this.#status] ?? ""}\r\n`;
    let hasLength = this.#status === 204;
    for (const headers of [this.#headers, this.#extra ?? []]) {
      for (let at = 0; at + 1 < headers.length; at += 2) {
        const name = headers[at] ?? "";
        const value = headers[at + 1] ?? "";
        if (FORBIDDEN.test(value))
          throw new Error(`Cannot send the header ${name}: it has a character that ends it`);
        if (name === "content-length") hasLength = true;
        head += `${name}: ${value}\r\n`;
      }
    }
    if (!hasLength) head += `content-length: ${bodyBytes}\r\n`;
    const connection = this.shouldKeepAlive
      ? `Connection: keep-alive\r\nKeep-Alive: timeout=${this.#keepAliveS}`
      : "Connection: close";
    return `${head}Date: ${httpDate(this.#now())}\r\n${connection}\r\n\r\n`;
  }
}

let dateSecond = 0;
let dateText = "";

/** Made once a second. */
function httpDate(now: number): string {
  const second = Math.floor(now / 1_000);
  if (second !== dateSecond) {
    dateSecond = second;
    dateText = new Date(second * 1_000).toUTCString();
  }
  return dateText;
}
