/** What a view is: columns with their meaning, and how each comes about. `docs/sql.md` is made from this. */
import type { ColumnType, Readable } from "./cell.ts";
import type { SnapshotRows } from "./snapshot-rows.ts";

export type ColumnOf<Row> = {
  readonly name: string;
  readonly type: ColumnType;
  readonly meaning: string;
} & (
  | {
      /** Over the store's tables: what SQLite can answer by itself, and from an index where there is one. */
      readonly sql: string;
    }
  | {
      /** From the decoded row. Called only for rows and columns that the statement needs. */
      readonly read: (row: Row, snapshot: SnapshotRows) => Readable;
    }
);

export type Branch = {
  /** FROM and WHERE, without the words. */
  readonly from: string;
  readonly where?: string;
  /** SQL of columns that differ in this branch. */
  readonly columns?: Readonly<Record<string, string>>;
};

/**
 * What a view's rows come from. By one branch, SQLite sorts and cuts before it computes columns that are only shown. By
 * several, each with a status of its own, it looks at those only that can have the status that is asked for.
 */
export type Branches = { readonly whole: Branch; readonly byStatus?: readonly Branch[] };

export type ViewOf<Row> = {
  readonly name: string;
  readonly meaning: string;
  readonly columns: ReadonlyArray<ColumnOf<Row>>;
  readonly branches: Branches;
  /** SQL of what identifies a row, for `find`. */
  readonly row: readonly string[];
  readonly find: (snapshot: SnapshotRows, ...row: ReadonlyArray<string | number>) => Row;
};

/** A view whose rows are nobody else's business. */
export type View = {
  readonly name: string;
  readonly meaning: string;
  readonly columns: ReadonlyArray<{
    readonly name: string;
    readonly type: ColumnType;
    readonly meaning: string;
  }>;
  readonly branches: Branches;
  readonly row: readonly string[];
  /** SQL of a column where SQLite answers it by itself. */
  readonly sqlOf: (index: number) => string | undefined;
  /** The value of a column for the row that is identified so. */
  readonly read: (snapshot: SnapshotRows, index: number, row: ReadonlyArray<string | number>) => Readable;
};

export function defineView<Row>(view: ViewOf<Row>): View {
  const { columns, find } = view;
  return {
    ...view,
    sqlOf: (index) => {
      const column = columns[index];
      return column !== undefined && "sql" in column ? column.sql : undefined;
    },
    read: (snapshot, index, row) => {
      const column = columns[index];
      if (column === undefined || !("read" in column)) return undefined;
      return column.read(find(snapshot, ...row), snapshot);
    },
  };
}
