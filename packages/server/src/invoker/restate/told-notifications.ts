/**
 * What an SDK was told on one request: a suspension says what the handler waits for, and not what it has seen of that. An SDK
 * suspends only when it has read to the end of the request, so it has seen exactly this, and anything newer wakes it.
 *
 * Every attempt that a suspension lets begin is thereby owed to a notification that the one before did not have: however
 * often a handler is woken for nothing, it is no more often than it is told something.
 */
import type { JournalEntry } from "@holdfast/engine";
import {
  CANCEL_SIGNAL,
  completionIdOf,
  decodeMessage,
  isNotificationType,
  MessageType,
  type SuspensionMessage,
} from "@holdfast/protocol";

import { hasFutures } from "./protocol-versions.ts";

export class ToldNotifications {
  readonly #hasFutures: boolean;
  /** Signals by name, those of the journal included. */
  readonly #named = new Map<string, number>();
  /** Only filled where futures are spoken: there the SDK lists what is over as well, as long as its tree is not. */
  readonly #completions = new Set<number>();
  readonly #signals = new Set<number>();

  constructor(version: number) {
    this.#hasFutures = hasFutures(version);
  }

  note({ type, body }: JournalEntry): void {
    if (type !== MessageType.Signal && !(this.#hasFutures && isNotificationType(type))) return;
    const message = decodeMessage(type, body);
    if (message.type !== MessageType.Signal) {
      this.noteCompletion(completionIdOf(message) ?? 0);
    } else if (message.signalName !== undefined) {
      this.#named.set(message.signalName, (this.#named.get(message.signalName) ?? 0) + 1);
    } else if (message.index !== undefined && message.index !== CANCEL_SIGNAL) {
      // A cancel can come again.
      this.#signals.add(message.index);
    }
  }

  noteCompletion(completionId: number): void {
    if (this.#hasFutures) this.#completions.add(completionId);
  }

  /**
   * The suspension without what the SDK has seen; where that leaves nothing, with all of it, for the fold to refuse. From an
   * SDK that has not been told the end (`hasEnded`) all of it counts: it may have missed any of it.
   */
  withoutTold(suspension: SuspensionMessage, hasEnded: boolean): SuspensionMessage {
    const namedSignals = suspension.namedSignals.map(([name]) => [name, this.#named.get(name) ?? 0] as const);
    if (!this.#hasFutures || !hasEnded)
      return namedSignals.length === 0 ? suspension : { ...suspension, namedSignals };
    const completions = suspension.completions.filter((id) => !this.#completions.has(id));
    const signals = suspension.signals.filter((index) => !this.#signals.has(index));
    return completions.length + signals.length + namedSignals.length === 0
      ? suspension
      : { ...suspension, completions, signals, namedSignals };
  }
}
