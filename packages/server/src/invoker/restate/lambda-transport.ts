/**
 * Exchanges with an endpoint that is a function in the manner of AWS Lambda, by way of a URL that calls it: each is one POST over HTTP/1.1, whose body holds the request and
 * whose answer holds the response. A function gets all of a request at once and gives all of a response at once.
 */
import type { IncomingHttpHeaders } from "node:http";

import { connectionTrouble } from "./connection-trouble.ts";
import type { Exchange, ExchangeListener, ExchangeRequest, Transport } from "./exchange.ts";
import { Http1Transport, type TransportOptions } from "./http1-transport.ts";
import {
  LAMBDA_ANSWER_BYTES_MAX,
  LAMBDA_REQUEST_BYTES_MAX,
  unwrapAnswer,
  wrapRequest,
} from "./lambda-envelope.ts";

export type LambdaOptions = TransportOptions & {
  /** Of the POST itself, `host` among them: for whatever stands before the function. */
  readonly headers: Readonly<Record<string, string>>;
  /** The function unpacks what is packed with zstd. */
  readonly compresses: boolean;
};

export class LambdaTransport implements Transport {
  readonly #carrier: Http1Transport;
  readonly #post: ExchangeRequest;
  readonly #compresses: boolean;

  constructor(options: LambdaOptions) {
    const { base, headers } = options;
    this.#carrier = new Http1Transport(options);
    this.#post = {
      method: "POST",
      path: base.pathname + base.search,
      headers: { ...headers, "content-type": "application/json", accept: "application/json" },
    };
    this.#compresses = options.compresses;
  }

  get isReachable(): boolean {
    return this.#carrier.isReachable;
  }

  open(request: ExchangeRequest, listener: ExchangeListener): Exchange {
    const post = (to: ExchangeListener): Exchange => this.#carrier.open(this.#post, to);
    return new LambdaExchange({ post, compresses: this.#compresses, request, listener });
  }

  close(): void {
    this.#carrier.close();
  }
}

type Parts = {
  readonly post: (listener: ExchangeListener) => Exchange;
  readonly compresses: boolean;
  readonly request: ExchangeRequest;
  readonly listener: ExchangeListener;
};

class LambdaExchange implements Exchange, ExchangeListener {
  readonly #parts: Parts;
  #body: Uint8Array[] = [];
  #bodyBytes = 0;
  #envelope: Uint8Array | undefined;
  #carrier: Exchange | undefined;
  #status = 0;
  #headers: IncomingHttpHeaders = {};
  #answer: Uint8Array[] = [];
  #answerBytes = 0;
  #isOver = false;

  constructor(parts: Parts) {
    this.#parts = parts;
    queueMicrotask(() => {
      if (!this.#isOver) parts.listener.onWritable();
    });
  }

  // -- the request, until it is complete --

  write(bytes: Uint8Array): boolean {
    this.#bodyBytes += bytes.length;
    // What is too much is not gathered either.
    if (this.#bodyBytes <= LAMBDA_REQUEST_BYTES_MAX) this.#body.push(bytes);
    return true;
  }

  end(): void {
    if (this.#isOver || this.#carrier !== undefined) return;
    this.#send().catch((error: unknown) => this.#fail(connectionTrouble(error), false));
  }

  async #send(): Promise<void> {
    const { request, compresses, post } = this.#parts;
    if (this.#bodyBytes > LAMBDA_REQUEST_BYTES_MAX) {
      // Not within the call of `end`.
      await Promise.resolve();
      const limit = `a function is given ${LAMBDA_REQUEST_BYTES_MAX} bytes at most`;
      this.#fail(`the journal has ${this.#bodyBytes} bytes with its state, and ${limit}`, true);
      return;
    }
    const body = Buffer.concat(this.#body);
    this.#body = [];
    this.#envelope = await wrapRequest(request, body, compresses);
    if (!this.#isOver) this.#carrier = post(this);
  }

  /** There is nothing to hold back: all of the answer is here before any of it is told. */
  pause(): void {}
  resume(): void {}

  cancel(): void {
    this.#isOver = true;
    this.#carrier?.cancel();
  }

  #fail(reason: string, isReached: boolean): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#carrier?.cancel();
    this.#parts.listener.onBroken(reason, isReached);
  }

  // -- what carries it --

  onWritable(): void {
    if (this.#envelope === undefined) return;
    const envelope = this.#envelope;
    this.#envelope = undefined;
    this.#carrier?.write(envelope);
    this.#carrier?.end();
  }

  onHead(status: number, headers: IncomingHttpHeaders): void {
    this.#status = status;
    this.#headers = headers;
  }

  onData(chunk: Uint8Array): void {
    this.#answerBytes += chunk.length;
    this.#answer.push(chunk);
    if (this.#answerBytes > LAMBDA_ANSWER_BYTES_MAX)
      this.#fail(`its answer is larger than ${LAMBDA_ANSWER_BYTES_MAX} bytes`, true);
  }

  onEnd(): void {
    if (this.#isOver) return;
    const answer = Buffer.concat(this.#answer);
    this.#answer = [];
    if (this.#status === 200) {
      this.#unwrap(answer).catch((error: unknown) => {
        const reason = error instanceof Error ? error.message : String(error);
        this.#fail(`what it answered is no function's answer: ${reason}`, true);
      });
      return;
    }
    // Said by what stands before the function, about the function.
    this.#tell(this.#status, this.#headers, new Uint8Array(0));
  }

  async #unwrap(answer: Uint8Array): Promise<void> {
    const { status, headers, body } = await unwrapAnswer(answer, this.#parts.compresses);
    this.#tell(status, headers, body);
  }

  /** Whoever is told may have enough after any of it. */
  #tell(status: number, headers: IncomingHttpHeaders, body: Uint8Array): void {
    const { listener } = this.#parts;
    if (!this.#isOver) listener.onHead(status, headers);
    if (!this.#isOver && body.length > 0) listener.onData(body);
    if (this.#isOver) return;
    this.#isOver = true;
    listener.onEnd();
  }

  onBroken(reason: string, isReached: boolean): void {
    this.#fail(reason, isReached);
  }
}
