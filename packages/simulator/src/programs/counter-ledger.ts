/**
 * Watches the counters that `increment` nodes count up: of one key, each write is one more than the one before it in the
 * log, whatever crashed in between. What is lost, done twice or done beside another's back breaks the row.
 */
import { decodeValue, MessageType, type Message } from "@holdfast/protocol";

import { COUNTER } from "./program.ts";

export class CounterLedger {
  /** By object or workflow; absent is 0. */
  readonly #counts = new Map<string, number>();

  /**
   * Notes a command that was recorded, in the order of the log.
   *
   * @param object Service and key of the handler that issued it, in any form that tells objects apart.
   * @returns What is wrong with it, if anything.
   */
  note(object: string, message: Message): string | undefined {
    if (message.type === MessageType.ClearAllState) this.#counts.delete(object);
    if (message.type !== MessageType.SetState || message.key !== COUNTER) return undefined;
    const before = this.count(object);
    const value = decodeValue(message.value);
    if (value !== before + 1)
      return `The counter of ${object} was set to ${String(value)} when it was ${before}`;
    this.#counts.set(object, value as number);
    return undefined;
  }

  /** What the state of the object must hold under `COUNTER`; 0: nothing. */
  count(object: string): number {
    return this.#counts.get(object) ?? 0;
  }

  /** Everything that has a counter. */
  objects(): IterableIterator<string> {
    return this.#counts.keys();
  }
}
