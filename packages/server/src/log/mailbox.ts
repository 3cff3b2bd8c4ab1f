import { packGroup, type FrameGroup } from "./frame-group.ts";
/**
 * The way of append requests to the log's thread: memory that both threads see, and a bell. Posting a message would cost the
 * two threads together more than the write does; here the sender lays the frames where the writer completes them and hands
 * them to the kernel, and the writer sleeps in a futex instead of an event loop.
 *
 * One sender, one taker. A slot belongs to the sender until it is sent, then to the taker until the sender hears that the
 * request was answered (`freed`). Words that both write or wait on are used with Atomics only; the plain words of a slot are
 * published by the counter that is stored after them.
 *
 * The bell counts what was announced, here or elsewhere, so that a taker that looked before it sleeps misses nothing.
 */
import type { LogBatch } from "./log.ts";

/** Requests on their way at a time. */
export const MAILBOX_SLOTS = 4;
/**
 * A request with larger frames travels as a message, in memory of its own. Batches of the usual largest size fit. Of a slot
 * only what is used takes memory and the processor's cache.
 */
const SLOT_BYTES = 1280 * 1024;
const BATCHES_MAX = 32;

/** Positions have up to 53 bits: the high words come second. */
const SLOT_WORDS = 3 + BATCHES_MAX;
const HEADER_WORDS = 2;
const BELL = 0;
const SENT = 1;
const WORD_BYTES = 4;
const FRAMES_AT = Math.ceil((HEADER_WORDS + MAILBOX_SLOTS * SLOT_WORDS) / 128) * 128 * WORD_BYTES;
const TWO_32 = 2 ** 32;

export const MAILBOX_BYTES: number = FRAMES_AT + MAILBOX_SLOTS * SLOT_BYTES;

function slotBytes(memory: SharedArrayBuffer, slot: number): Uint8Array {
  return new Uint8Array(memory, FRAMES_AT + slot * SLOT_BYTES, SLOT_BYTES);
}

export class MailboxSender {
  readonly memory = new SharedArrayBuffer(MAILBOX_BYTES);
  readonly #words = new Int32Array(this.memory, 0, FRAMES_AT / WORD_BYTES);
  readonly #slots: Uint8Array[] = [];
  #sent = 0;
  #freed = 0;

  constructor() {
    for (let slot = 0; slot < MAILBOX_SLOTS; slot++) this.#slots.push(slotBytes(this.memory, slot));
  }

  get hasRoom(): boolean {
    return this.#sent - this.#freed < MAILBOX_SLOTS;
  }

  /**
   * Sends the batches in the next slot, which must be free. Returns the group when it is too large for a slot: the slot then
   * only keeps its place in the order, and the group has to have been sent by message before `ring`.
   */
  send(batches: readonly LogBatch[]): FrameGroup | undefined {
    const slot = this.#sent % MAILBOX_SLOTS;
    const memory = batches.length <= BATCHES_MAX ? this.#slots[slot] : undefined;
    const group = packGroup(batches, memory);
    const fits = group.bytes === memory;
    const words = this.#words;
    let at = HEADER_WORDS + slot * SLOT_WORDS;
    words[at++] = fits ? batches.length : 0;
    words[at++] = group.firstPosition % TWO_32;
    words[at++] = Math.floor(group.firstPosition / TWO_32);
    if (fits) for (const bytes of group.payloadBytes) words[at++] = bytes;
    this.#sent += 1;
    return fits ? undefined : group;
  }

  /** Publishes what was sent, and wakes the taker. Also after a message that it has to see. */
  ring(): void {
    Atomics.store(this.#words, SENT, this.#sent | 0);
    Atomics.add(this.#words, BELL, 1);
    Atomics.notify(this.#words, BELL);
  }

  /** The oldest so many requests are answered. */
  freed(requests: number): void {
    this.#freed += requests;
  }
}

export class MailboxTaker {
  readonly #words: Int32Array;
  readonly #slots: Uint8Array[] = [];
  #taken = 0;
  #heard = 0;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory, 0, FRAMES_AT / WORD_BYTES);
    for (let slot = 0; slot < MAILBOX_SLOTS; slot++) this.#slots.push(slotBytes(memory, slot));
  }

  /** Sleeps until the bell has rung since the last `listen`, at most so long. False: it has not. */
  wait(timeoutMs: number): boolean {
    return Atomics.wait(this.#words, BELL, this.#heard, timeoutMs) !== "timed-out";
  }

  /** Call before looking for what has come: whatever is announced later ends the next `wait` at once. */
  listen(): void {
    this.#heard = Atomics.load(this.#words, BELL);
  }

  /** The next request; "message" when it came as one. Valid until it is answered. */
  take(): FrameGroup | "message" | undefined {
    if (Atomics.load(this.#words, SENT) === (this.#taken | 0)) return undefined;
    const slot = this.#taken % MAILBOX_SLOTS;
    this.#taken += 1;
    const words = this.#words;
    const at = HEADER_WORDS + slot * SLOT_WORDS;
    const count = words[at] ?? 0;
    if (count === 0) return "message";
    const firstPosition = ((words[at + 1] ?? 0) >>> 0) + (words[at + 2] ?? 0) * TWO_32;
    const payloadBytes = Array.from(words.subarray(at + 3, at + 3 + count));
    return { firstPosition, payloadBytes, bytes: this.#slots[slot] ?? new Uint8Array(0) };
  }
}
