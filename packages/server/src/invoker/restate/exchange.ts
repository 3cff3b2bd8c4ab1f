/** One HTTP request and its response, both as streams of bytes: what a session needs of HTTP, whichever its version. */
import type { IncomingHttpHeaders } from "node:http";

export type ExchangeRequest = {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
};

/** None of these throws; none calls the listener before it returns. */
export interface Exchange {
  /** Only after `onWritable`. False: hold back until it is called again. */
  write(bytes: Uint8Array): boolean;
  /** Nothing more is written. */
  end(): void;
  /** Receives nothing more until `resume`, beyond what is on its way. */
  pause(): void;
  resume(): void;
  /** Ends it in both directions. The listener hears nothing more. */
  cancel(): void;
}

export interface ExchangeListener {
  onWritable(): void;
  onHead(status: number, headers: IncomingHttpHeaders): void;
  onData(chunk: Uint8Array): void;
  /** The response is complete. Nothing follows. */
  onEnd(): void;
  /** It broke, or never began. `isReached`: the other side may have acted on it. Nothing follows. */
  onBroken(reason: string, isReached: boolean): void;
}

/** The way to one endpoint. */
export interface Transport {
  open(request: ExchangeRequest, listener: ExchangeListener): Exchange;
  /** False while the endpoint is known not to answer. */
  readonly isReachable: boolean;
  /** Ends what is open. */
  close(): void;
}
