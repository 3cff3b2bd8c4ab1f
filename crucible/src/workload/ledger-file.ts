/**
 * What the handlers saw, in a file that survives whatever happens to their process: one line for each event, appended with
 * one write. The handlers stand for the outside world here: a payment that was made stays made when its process dies.
 */
import { closeSync, existsSync, openSync, readSync, statSync, writeSync } from "node:fs";

export type LedgerEvent =
  /** A step's closure ran. */
  | { readonly kind: "executed"; readonly step: string }
  /** A handler got a step's result from its `await`: from then on it is recorded. */
  | { readonly kind: "observed"; readonly step: string; readonly result: string }
  /** A sleep ended, so many ms before it was due by the handlers' clock. Not early: ≤ 0. */
  | { readonly kind: "woke"; readonly invocation: string; readonly early: number }
  /** An exclusive handler gave its object's counter this value. */
  | {
      readonly kind: "counted";
      readonly invocation: string;
      readonly counter: string;
      readonly value: number;
    };

const READ_BYTES = 1024 * 1024;

export class LedgerWriter {
  readonly #fd: number;

  constructor(path: string) {
    this.#fd = openSync(path, "a");
  }

  add(event: LedgerEvent): void {
    writeSync(this.#fd, `${JSON.stringify(event)}\n`);
  }
}

/** Reads what was appended since it last looked, or since it was made. */
export class LedgerReader {
  readonly #path: string;
  #offset: number;

  constructor(path: string) {
    this.#path = path;
    this.#offset = existsSync(path) ? statSync(path).size : 0;
  }

  readNew(): LedgerEvent[] {
    const fd = openSync(this.#path, "r");
    try {
      const chunks: Uint8Array[] = [];
      const buffer = Buffer.alloc(READ_BYTES);
      for (let at = this.#offset; ;) {
        const length = readSync(fd, buffer, 0, buffer.length, at);
        if (length === 0) break;
        chunks.push(Uint8Array.prototype.slice.call(buffer, 0, length));
        at += length;
      }
      const bytes = Buffer.concat(chunks);
      // A line without its end is being written.
      const end = bytes.lastIndexOf("\n") + 1;
      this.#offset += end;
      const lines = bytes.subarray(0, end).toString().split("\n").slice(0, -1);
      return lines.map((line) => JSON.parse(line) as LedgerEvent);
    } finally {
      closeSync(fd);
    }
  }
}
