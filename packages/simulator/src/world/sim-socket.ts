/** One end of a simulated connection: the part of Node's `Socket` that the product uses. */
import type { ByteSocket } from "@holdfast/server/parts";

import type { Lifetime } from "./lifetime.ts";

/** Bytes on their way beyond which `write` asks to hold back. */
const HIGH_WATER_BYTES = 64 * 1024;

type SocketEvent = "data" | "drain" | "end" | "close" | "error";
type Listener = (value?: never) => void;

/** What carries bytes from one end to the other. */
export interface Carrier {
  /** In the order of the calls. `undefined`: the sender sends no more. */
  carry(from: SimSocket, bytes: Buffer | undefined): void;
  /** The end `from` has gone; the other one learns of it. */
  left(from: SimSocket): void;
}

export class SimSocket implements ByteSocket {
  readonly lifetime: Lifetime;
  readonly #carrier: Carrier;
  readonly #listeners = new Map<SocketEvent, Listener[]>();
  /** Received while paused. */
  #buffered: Array<Buffer | undefined> = [];
  #underway = 0;
  #wantsDrain = false;
  #isPaused = false;
  #hasEnded = false;
  #peerEnded = false;
  #isDestroyed = false;

  constructor(lifetime: Lifetime, carrier: Carrier) {
    this.lifetime = lifetime;
    this.#carrier = carrier;
  }

  get destroyed(): boolean {
    return this.#isDestroyed;
  }

  on(event: SocketEvent, listener: Listener | ((value: never) => void)): this {
    const listeners = this.#listeners.get(event);
    if (listeners === undefined) this.#listeners.set(event, [listener as Listener]);
    else listeners.push(listener as Listener);
    return this;
  }

  off(event: SocketEvent, listener: Listener | ((value: never) => void)): this {
    const listeners = this.#listeners.get(event) ?? [];
    const at = listeners.indexOf(listener as Listener);
    if (at >= 0) listeners.splice(at, 1);
    return this;
  }

  #emit(event: SocketEvent, value?: unknown): void {
    // Listeners come and go while they are told.
    for (const listener of this.#listeners.get(event)?.slice() ?? []) listener(value as never);
  }

  setNoDelay(): this {
    return this;
  }

  write(bytes: Uint8Array | string): boolean {
    if (this.#hasEnded || this.#isDestroyed) return false;
    // The writer goes on to use its memory.
    const copy = Buffer.from(bytes as Uint8Array);
    this.#underway += copy.length;
    this.#carrier.carry(this, copy);
    this.#wantsDrain = this.#underway > HIGH_WATER_BYTES;
    return !this.#wantsDrain;
  }

  end(last?: string, sent?: () => void): this {
    if (last !== undefined) this.write(last);
    if (this.#hasEnded || this.#isDestroyed) return this;
    this.#hasEnded = true;
    this.#carrier.carry(this, undefined);
    if (sent !== undefined) this.lifetime.after(0, sent);
    this.#closeWhenBothEnded();
    return this;
  }

  destroySoon(): void {
    this.end();
    this.destroy();
  }

  destroy(): this {
    if (this.#isDestroyed) return this;
    this.#isDestroyed = true;
    this.#carrier.left(this);
    this.lifetime.after(0, () => this.#emit("close"));
    return this;
  }

  pause(): this {
    this.#isPaused = true;
    return this;
  }

  resume(): this {
    if (!this.#isPaused) return this;
    this.#isPaused = false;
    this.lifetime.after(0, () => this.#goOn());
    return this;
  }

  #goOn(): void {
    while (!this.#isPaused && this.#buffered.length > 0) this.#take(this.#buffered.shift());
  }

  isPaused(): boolean {
    return this.#isPaused;
  }

  // -- the carrier's side --------------------------------------------------------------------------------------------

  /** Bytes arrive, or (`undefined`) the peer's end of them. */
  received(chunk: Buffer | undefined): void {
    if (this.#isPaused || this.#buffered.length > 0) this.#buffered.push(chunk);
    else this.#take(chunk);
  }

  #take(chunk: Buffer | undefined): void {
    if (this.#isDestroyed) return;
    if (chunk === undefined) {
      this.#peerEnded = true;
      this.#emit("end");
      this.#closeWhenBothEnded();
    } else {
      this.#emit("data", chunk);
    }
  }

  /** So many bytes of what was written have arrived. */
  delivered(bytes: number): void {
    this.#underway -= bytes;
    if (!this.#wantsDrain || this.#underway > 0) return;
    this.#wantsDrain = false;
    this.lifetime.after(0, () => {
      if (!this.#isDestroyed) this.#emit("drain");
    });
  }

  /** The connection is no more. */
  broken(error: Error | undefined): void {
    if (this.#isDestroyed) return;
    this.#isDestroyed = true;
    if (error !== undefined) this.#emit("error", error);
    this.#emit("close");
  }

  #closeWhenBothEnded(): void {
    if (!this.#hasEnded || !this.#peerEnded || this.#isDestroyed) return;
    this.#isDestroyed = true;
    this.lifetime.after(0, () => this.#emit("close"));
  }
}
