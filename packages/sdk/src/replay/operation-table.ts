/** All operations of an attempt, and the way from a notification to the one it settles. */
import type { NotificationResult, Result, SignalNotification, SuspensionMessage } from "@holdfast/protocol";
import { CANCEL_SIGNAL, MessageType } from "@holdfast/protocol";

import type { Operation } from "./operation.ts";

const PRUNE_AT_MIN = 64;

export class OperationTable {
  readonly #byCompletion: Array<Operation | undefined> = [];
  readonly #bySignal = new Map<number, Operation>();
  readonly #byName = new Map<string, NamedSignal>();
  /** What arrived before the code asked for it. */
  readonly #earlyCompletions = new Map<number, NotificationResult>();
  readonly #earlySignals = new Map<number, Result>();
  /** Unsettled operations in the order they were created, and settled ones until the next pruning. */
  #live: Operation[] = [];
  #pruneAt = PRUNE_AT_MIN;

  /** Registers an operation, and settles it at once when its notification has come already. */
  add(operation: Operation): void {
    if (this.#live.length >= this.#pruneAt) this.#prune();
    this.#live.push(operation);
    const { awaits } = operation;
    if (awaits.kind === "completion") this.#addCompletion(awaits.id, operation);
    else if (awaits.kind === "signal") this.#addSignal(awaits.index, operation);
    else this.#addNamed(awaits.name, operation);
  }

  byCompletion(id: number): Operation | undefined {
    return this.#byCompletion[id];
  }

  deliverSignal({ signalName, index, result }: SignalNotification): void {
    if (signalName !== undefined) {
      this.#deliverNamed(signalName, result);
    } else if (index !== undefined) {
      const operation = this.#bySignal.get(index);
      if (operation === undefined) this.#earlySignals.set(index, result);
      else operation.settle(result);
    }
  }

  /** Settles the operation of that id and returns it; remembers the result when the code has not come so far. */
  complete(completionId: number, result: NotificationResult): Operation | undefined {
    const operation = this.#byCompletion[completionId];
    if (operation === undefined) {
      this.#earlyCompletions.set(completionId, result);
      return undefined;
    }
    this.#byCompletion[completionId] = undefined;
    if (operation.step !== undefined) operation.step.outcome = result;
    operation.settle(result);
    return operation;
  }

  /** In the order they were created. */
  unsettled(): readonly Operation[] {
    return this.#live.filter((operation) => !operation.isSettled);
  }

  /** Those somebody waits for. */
  awaited(): readonly Operation[] {
    return this.#live.filter((operation) => !operation.isSettled && operation.promise.awaited);
  }

  /** What a suspension says for these. A cancel always wakes. */
  suspensionFor(operations: readonly Operation[]): SuspensionMessage {
    const completions: number[] = [];
    const signals: number[] = [CANCEL_SIGNAL];
    const namedSignals = new Map<string, number>();
    for (const { awaits } of operations) {
      if (awaits.kind === "completion") completions.push(awaits.id);
      else if (awaits.kind === "signal") signals.push(awaits.index);
      else namedSignals.set(awaits.name, this.#byName.get(awaits.name)?.consumed ?? 0);
    }
    return { type: MessageType.Suspension, completions, signals, namedSignals: [...namedSignals] };
  }

  #addCompletion(id: number, operation: Operation): void {
    this.#byCompletion[id] = operation;
    if (this.#earlyCompletions.size === 0) return;
    const early = this.#earlyCompletions.get(id);
    if (early === undefined) return;
    this.#earlyCompletions.delete(id);
    this.complete(id, early);
  }

  #addSignal(index: number, operation: Operation): void {
    this.#bySignal.set(index, operation);
    const early = this.#earlySignals.get(index);
    if (early !== undefined) operation.settle(early);
  }

  #addNamed(name: string, operation: Operation): void {
    const signal = this.#named(name);
    const early = signal.values.shift();
    if (early === undefined) {
      signal.waiters.push(operation);
      return;
    }
    signal.consumed += 1;
    operation.settle(early);
  }

  #deliverNamed(name: string, result: Result): void {
    const signal = this.#named(name);
    // One that was given up, by a timeout or a cancel, does not take a value away from those behind it.
    let waiter = signal.waiters.shift();
    while (waiter?.isSettled === true) waiter = signal.waiters.shift();
    if (waiter === undefined) {
      signal.values.push(result);
      return;
    }
    signal.consumed += 1;
    waiter.settle(result);
  }

  #named(name: string): NamedSignal {
    let signal = this.#byName.get(name);
    if (signal === undefined) this.#byName.set(name, (signal = { values: [], waiters: [], consumed: 0 }));
    return signal;
  }

  #prune(): void {
    this.#live = this.#live.filter((operation) => !operation.isSettled);
    this.#pruneAt = Math.max(PRUNE_AT_MIN, this.#live.length * 2);
  }
}

interface NamedSignal {
  /** Arrived, and not yet taken by a wait. */
  readonly values: Result[];
  readonly waiters: Operation[];
  consumed: number;
}
