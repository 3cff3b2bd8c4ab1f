/**
 * A connection as a stream of bytes: what the server uses of Node's `Socket`, and no more, so that a simulated network can
 * take its place.
 */
export interface ByteSocket {
  readonly destroyed: boolean;
  readonly remoteAddress?: string | undefined;
  /** Received bytes, in order. */
  on(event: "data", listener: (chunk: Buffer) => void): unknown;
  /** `drain`: `write` may be called again. `end`: the peer sends no more. `close`: nothing comes any more, for any reason. */
  on(event: "drain" | "end" | "close", listener: () => void): unknown;
  /** `close` follows. */
  on(event: "error", listener: (error: Error) => void): unknown;
  off(event: "data", listener: (chunk: Buffer) => void): unknown;
  off(event: "drain" | "end" | "close", listener: () => void): unknown;
  off(event: "error", listener: (error: Error) => void): unknown;
  setNoDelay(on: boolean): unknown;
  /** False: hold back until `drain`. */
  write(bytes: Uint8Array): boolean;
  /** Sends what was written, and this, and nothing after it. */
  end(): unknown;
  end(last: string, sent: () => void): unknown;
  /** Sends what was written, then ends in both directions. */
  destroySoon(): void;
  destroy(): unknown;
  pause(): unknown;
  resume(): unknown;
  isPaused(): boolean;
}
