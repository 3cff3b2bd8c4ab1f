/**
 * The port to the checkpoint store: rows of the engine's tables as of one log position. Written only by checkpoints, in
 * one transaction together with the position they reflect; read synchronously on a miss of the tables in memory.
 *
 * Contract, proven for every implementation by `store.contract.ts`:
 * - `commit` is atomic: after a crash either all of its writes and its position are there, or none of them.
 * - Commits are sequential (the caller never starts one before the last resolved) and durable when they resolve.
 * - Reads see exactly the last resolved commit. They are synchronous and may run while a commit is in flight.
 * - The key of a chunk of a journal is the id of its invocation, a slash, and a number. The invocation's row is there,
 *   or is written by the same commit.
 * - Keys order by their UTF-16 code units as JavaScript's `<` does for the ASCII-safe keys that the engine makes.
 */
import type { InvocationColumns } from "@holdfast/engine";

export type StoreTable =
  | "invocations"
  | "journal"
  | "objects"
  | "inbox"
  | "promises"
  | "timers"
  | "deployments"
  | "meta";

/** Journals are read chunk by chunk: an invocation's row says which there are. */
export type ScannedTable = Exclude<StoreTable, "journal">;

export type { InvocationColumns };

export type RowWrite = {
  readonly table: StoreTable;
  readonly key: string;
  /** `undefined` deletes the row. */
  readonly value: Uint8Array | undefined;
  /** For `invocations` rows that are written (not deleted). */
  readonly columns?: InvocationColumns;
};

export type InvocationQuery = {
  readonly status?: readonly string[];
  readonly service?: string;
  readonly handler?: string;
  readonly key?: string;
  readonly deployment?: string;
  /** Ids that begin so. */
  readonly idPrefix?: string;
  /** Only rows created before / after these instants (exclusive), epoch ms. */
  readonly createdBefore?: number;
  readonly createdAfter?: number;
  /** Only rows whose `expiresAt` is at most this. */
  readonly expiredAt?: number;
  /** Continue behind this row of the order below. */
  readonly after?: { readonly sortValue: number; readonly id: string };
  /**
   * `newest`: createdAt descending; `oldest`: createdAt ascending; `expiry`: expiresAt ascending, only rows that have one.
   * Ties by id, ascending in all three.
   */
  readonly order: "newest" | "oldest" | "expiry";
  readonly limit: number;
};

export type InvocationHit = {
  readonly id: string;
  readonly value: Uint8Array;
  readonly columns: InvocationColumns;
};

export type InvocationCount = {
  readonly service: string;
  readonly handler: string;
  readonly status: string;
  readonly count: number;
};

/** Every read fails with a `StoreCorruptError` rather than give back what was not written. */
export interface CheckpointStore {
  /** Log position that the rows reflect: every batch up to and including it is contained. 0 for an empty store. */
  appliedPosition(): number;
  get(table: StoreTable, key: string): Uint8Array | undefined;
  /** Rows with `from <= key < to`, ascending, at most `limit`. */
  scan(
    table: ScannedTable,
    from: string,
    to: string,
    limit: number,
  ): Array<readonly [key: string, value: Uint8Array]>;
  findInvocations(query: InvocationQuery): InvocationHit[];
  countInvocations(): InvocationCount[];
  /** SQLite's file, for readers of their own. Absent where there is none. */
  readonly filePath?: string;
  /** Sum of `size` over completed invocations, in bytes. */
  completedBytes(): number;
  /**
   * The writes happen in their order; the array and its bytes stay unchanged until the promise settles. Rejects when
   * nothing was committed, for instance on a full disk: the store is then as before, and another commit may succeed. With a
   * `StoreCorruptError` none will.
   */
  commit(writes: readonly RowWrite[], appliedPosition: number): Promise<void>;
  /**
   * Called once, when a read or a commit finds that something is damaged, before that fails; at once when one has already.
   * Whoever asked may only have wanted an answer, but the engine must not go on. Absent where nothing can be damaged.
   */
  onDamaged?(listener: (reason: StoreCorruptError) => void): void;
  close(): Promise<void>;
}

/** The store's format version is unknown to this program, or the file is not a Holdfast store. */
export class StoreFormatError extends Error {
  override readonly name = "StoreFormatError";
}

/** Where a store is not what was written. */
export type StoreDamageReport = {
  readonly file: string;
  readonly table: string;
  /** Absent when it is about the table as a whole. */
  readonly key?: string;
};

/** Something in the store is not what was written. Never read past, never repaired silently. */
export class StoreCorruptError extends Error {
  override readonly name = "StoreCorruptError";
  readonly report: StoreDamageReport;
  constructor(message: string, report: StoreDamageReport, options?: ErrorOptions) {
    super(message, options);
    this.report = report;
  }
}
