/** Journals of the snapshot, decoded, the last few of them kept: a query reads one entry after another. */
import type { Invocation, JournalEntry, Tables } from "@holdfast/engine";
import { decodeJournalMessage, isCommandType, MessageType, type JournalMessage } from "@holdfast/protocol";

const JOURNALS_KEPT = 8;
/** Together; one that is larger alone is kept alone. */
const BYTES_KEPT = 64 * 1024 * 1024;

export type ReadEntry = {
  readonly entry: JournalEntry;
  /** Undefined when it cannot be decoded. */
  readonly message: JournalMessage | undefined;
};

export class ReadJournal {
  readonly invocation: Readonly<Invocation>;
  readonly #entries: readonly JournalEntry[];
  readonly #messages: Array<JournalMessage | undefined>;
  /** Completion ids that have their notification; invocation ids by theirs. */
  #completed: Map<number, string> | undefined;
  #commands: number[] | undefined;

  constructor(invocation: Readonly<Invocation>, entries: readonly JournalEntry[]) {
    this.invocation = invocation;
    this.#entries = entries;
    this.#messages = [];
  }

  get length(): number {
    return this.#entries.length;
  }

  at(index: number): ReadEntry {
    const entry = this.#entries[index];
    if (entry === undefined) throw new Error(`The journal of ${this.invocation.id} has no entry ${index}`);
    if (!(index in this.#messages)) this.#messages[index] = decode(entry);
    return { entry, message: this.#messages[index] };
  }

  /** The entry of a command, by its number among the commands. */
  command(commandIndex: number): (ReadEntry & { readonly index: number }) | undefined {
    this.#commands ??= [...this.#entries.keys()].filter((index) =>
      isCommandType(this.#entries[index]?.type ?? 0),
    );
    const index = this.#commands[commandIndex];
    return index === undefined ? undefined : { index, ...this.at(index) };
  }

  isCompleted(completionId: number): boolean {
    return this.#completions().has(completionId);
  }

  /** The id of the invocation that a call made, once it is known. */
  invocationId(completionId: number): string | undefined {
    const id = this.#completions().get(completionId);
    return id === "" ? undefined : id;
  }

  #completions(): ReadonlyMap<number, string> {
    if (this.#completed !== undefined) return this.#completed;
    const completed = new Map<number, string>();
    for (const index of this.#entries.keys()) {
      const { message } = this.at(index);
      if (message === undefined || isCommandType(message.type)) continue;
      if (message.type === MessageType.Signal || !("completionId" in message)) continue;
      const { result } = message as Extract<JournalMessage, { readonly result: unknown }>;
      completed.set(message.completionId, result.kind === "invocation-id" ? result.id : "");
    }
    return (this.#completed = completed);
  }
}

export class JournalReader {
  readonly #tables: Tables;
  readonly #kept = new Map<string, ReadJournal>();
  #bytes = 0;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  read(row: Readonly<Invocation>): ReadJournal {
    const known = this.#kept.get(row.id);
    if (known !== undefined) return known;
    if (this.#kept.size >= JOURNALS_KEPT || this.#bytes + row.journalBytes > BYTES_KEPT) {
      this.#kept.clear();
      this.#bytes = 0;
    }
    const journal = new ReadJournal(row, this.#tables.journal(row));
    this.#kept.set(row.id, journal);
    this.#bytes += row.journalBytes;
    return journal;
  }
}

function decode(entry: JournalEntry): JournalMessage | undefined {
  try {
    return decodeJournalMessage(entry.type, entry.body);
  } catch {
    return undefined; // Its type and its bytes are shown: one bad entry must not hide the others.
  }
}
