/**
 * Readers who may not be told yet: what they read is applied and not durable, so a crash could take it back. They wait for
 * the log without adding to it. Where the log has no room they are refused instead, since that can take hours; callers whose
 * records wait there cannot be, because those records will happen.
 */
import type { HoldfastError } from "@holdfast/protocol";

type Reader = {
  readonly position: number;
  readonly tell: () => void;
  readonly refuse: (error: HoldfastError) => void;
};

export class DurableReads {
  /** By position, lowest first: it is the newest one applied, which only grows. */
  #readers: Reader[] = [];

  add(position: number, tell: () => void, refuse: (error: HoldfastError) => void): void {
    this.#readers.push({ position, tell, refuse });
  }

  /** Everything up to this position is durable. */
  reached(position: number): void {
    const [first] = this.#readers;
    if (first === undefined || first.position > position) return;
    const later = this.#readers.findIndex((reader) => reader.position > position);
    const told = this.#readers.splice(0, later < 0 ? this.#readers.length : later);
    for (const { tell } of told) tell();
  }

  refuseAll(error: HoldfastError): void {
    const refused = this.#readers;
    this.#readers = [];
    for (const { refuse } of refused) refuse(error);
  }
}
