/**
 * Engine and SDK about each other. SDK-1: neither accuses the other of breaking the protocol, and no replay of a program that
 * never changes differs from its journal. SDK-2: steps are taken back, in the reverse order of their starts.
 */
import { isCommandType, MessageType, type Result } from "@holdfast/protocol";

import type { Account, DurableFold, Step } from "./durable-fold.ts";
import { messageOf } from "./entries.ts";
import type { Judge, Monitor } from "./monitor.ts";

/** By which the SDK takes a step back: the name of that step follows. */
const UNDO = "undo ";
/** Where the SDK says which steps are still done, a line for each with the reason. */
const NOT_UNDONE = "holdfast.not-undone";
/** As the programs of the simulator say it. */
const IRREVERSIBLE = "cannot undo";

/** Where one invocation is in taking back its steps. */
type Undoing = {
  readonly account: Account;
  /** Commands of its journal that were read. */
  read: number;
  /** Steps that were started, by name. */
  readonly started: Map<string, number>;
  /** Start of the step that was taken back last. */
  last: number;
};

export class AgreementMonitor implements Monitor {
  readonly ids = ["SDK-1", "SDK-2"];
  readonly #judge: Judge;
  readonly #fold: DurableFold;
  readonly #impossible: readonly string[];
  readonly #undoing = new Map<string, Undoing>();

  constructor(judge: Judge, fold: DurableFold, impossible: readonly string[]) {
    this.#judge = judge;
    this.#fold = fold;
    this.#impossible = impossible;
  }

  observe(): void {
    // Everything there is to it is in the records.
  }

  follow({ record: { body }, outcome, created, appended }: Step): void {
    for (const { id } of created) this.#undoing.delete(id);
    for (const account of new Set(appended.map((each) => each.account))) this.#read(account);
    if (!outcome.ok || (body.kind !== "attempt-messages" && body.kind !== "attempt-lost")) return;
    const failure = this.#fold.tables.invocations.get(body.id)?.lastFailure;
    this.#judge.holds(
      "SDK-1",
      failure === undefined || !this.#impossible.includes(failure.code),
      () => `attempt ${body.attempt} of ${body.id} ended with ${failure?.code}: ${failure?.message}`,
    );
  }

  #read(account: Account): void {
    const { id, entries } = account;
    const known = this.#undoing.get(id);
    const undoing = known ?? { account, read: 0, started: new Map<string, number>(), last: Infinity };
    this.#undoing.set(id, undoing);
    for (; undoing.read < entries.length; undoing.read++) {
      const entry = entries[undoing.read];
      if (entry === undefined || !isCommandType(entry.type)) continue;
      const command = messageOf(entry);
      if (command.type === MessageType.Run) this.#note(undoing, command.name ?? "");
      if (command.type === MessageType.Output) this.#checkUndone(id, command.result);
    }
  }

  /** What is left done was refused by its own program: nothing else, no second cancel either, keeps a step from being taken back. */
  #checkUndone(id: string, result: Result): void {
    const metadata = result.kind === "failure" ? result.failure.metadata : undefined;
    const left = metadata?.find(([name]) => name === NOT_UNDONE)?.[1].split("\n") ?? [];
    for (const line of left)
      this.#judge.holds("SDK-2", line.includes(IRREVERSIBLE), () => `${id} left a step as it was: ${line}`);
  }

  #note(undoing: Undoing, name: string): void {
    const { started, last, account } = undoing;
    const step = name.startsWith(UNDO) ? started.get(name.slice(UNDO.length)) : undefined;
    if (step === undefined) {
      started.set(name, undoing.read);
      return;
    }
    this.#judge.holds(
      "SDK-2",
      step < last,
      () => `${account.id} takes back "${name}", which it had started after the one that it took back before`,
    );
    undoing.last = step;
  }
}
