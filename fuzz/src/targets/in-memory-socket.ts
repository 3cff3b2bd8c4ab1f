/** The server's side of a connection without a network: what arrives is pushed, what is sent is kept. */
import type { Socket } from "node:net";
import { Duplex } from "node:stream";

export class InMemorySocket extends Duplex {
  readonly #sent: Buffer[] = [];

  constructor() {
    super({ allowHalfOpen: true });
    // Whoever serves it listens too; this keeps an error from ending the process between two owners.
    this.on("error", () => {});
  }

  /** What has been sent so far. */
  get sent(): string {
    return Buffer.concat(this.#sent).toString("latin1");
  }

  get asSocket(): Socket {
    return this as unknown as Socket;
  }

  destroySoon(): void {
    if (this.writableFinished) this.destroy();
    else this.end(() => this.destroy());
  }

  setTimeout(): this {
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#sent.push(chunk);
    done();
  }
}
