/**
 * Decides for every table, column and function that a statement names whether it may: the documented views, and functions
 * that compute. Asked by SQLite while it parses, so there is no way around it by writing things differently.
 */
import { constants, type DatabaseSync, type StatementSync } from "node:sqlite";

import { invalidQuery, QueryRefusal } from "./query-task.ts";
import { CALLABLE_FUNCTIONS } from "./sql-functions.ts";
import { statementFailure } from "./statement-failure.ts";
import { PUBLIC_VIEWS } from "./view-sql.ts";

/** Tables that are computed from their arguments. */
const TABLE_FUNCTIONS: ReadonlySet<string> = new Set(["json_each", "json_tree"]);

const { SQLITE_OK, SQLITE_DENY, SQLITE_SELECT, SQLITE_READ, SQLITE_FUNCTION, SQLITE_RECURSIVE } = constants;

export class QueryAuthorizer {
  readonly #database: DatabaseSync;
  readonly #prefix: string;
  /** Names that lead to something although no schema is named: the store's tables, and what SQLite brings. */
  readonly #closedNames: ReadonlySet<string>;
  #isSealed = false;
  #denied: string | undefined;
  /** Tables of the store that the views of the present statement read. */
  readonly #readInside = new Set<string>();

  constructor(database: DatabaseSync, prefix: string) {
    this.#database = database;
    this.#prefix = prefix;
    this.#closedNames = closedNames(database);
    // Before any statement of ours: one that is older is prepared anew when it is next run, and asks here then.
    database.setAuthorizer((action, first, second, schema, accessor) =>
      this.#isAllowed(action, first, second, { schema, accessor }) ? SQLITE_OK : SQLITE_DENY,
    );
  }

  /** From here on statements are the user's. */
  seal(): void {
    this.#isSealed = true;
  }

  /** Throws a QueryRefusal that says what is wrong with the statement. */
  prepare(sql: string): StatementSync {
    this.#denied = undefined;
    this.#readInside.clear();
    try {
      return this.#database.prepare(sql);
    } catch (error) {
      if (error instanceof QueryRefusal) throw error;
      if (this.#denied !== undefined) throw invalidQuery(`it may not use ${this.#denied}`);
      throw statementFailure(error, sql);
    }
  }

  #isAllowed(
    action: number,
    first: string | null,
    second: string | null,
    place: { readonly schema: string | null; readonly accessor: string | null },
  ): boolean {
    if (!this.#isSealed || action === SQLITE_SELECT || action === SQLITE_RECURSIVE) return true;
    // Inside of a view: what it is made of. Nobody can name one so, because nobody knows the prefix.
    const isInside = place.accessor?.startsWith(this.#prefix) === true;
    if (action === SQLITE_READ) {
      const table = first ?? "";
      if (isInside) this.#readInside.add(table);
      // SQLite tells once more, and not from where, of a table of which only the row's number is used.
      const isTold = second === "" && this.#readInside.has(table);
      return isInside || isTold || this.#mayRead(table, place.schema) || this.#deny(`the table ${table}`);
    }
    if (action === SQLITE_FUNCTION) {
      return (
        isInside ||
        CALLABLE_FUNCTIONS.has((second ?? "").toLowerCase()) ||
        this.#deny(`the function ${second ?? "?"}`)
      );
    }
    return this.#deny("anything but SELECT");
  }

  #mayRead(table: string, schema: string | null): boolean {
    if (table.startsWith(this.#prefix)) return true;
    const name = table.toLowerCase();
    if (schema === "temp") return PUBLIC_VIEWS.has(name);
    if (TABLE_FUNCTIONS.has(name)) return true;
    // Of a WITH or a subquery, or without a column: then SQLite does not say which schema it found it in.
    return schema === null && !this.#closedNames.has(name) && !/^(?:sqlite|pragma)_/.test(name);
  }

  #deny(what: string): false {
    this.#denied ??= what;
    return false;
  }
}

function closedNames(database: DatabaseSync): ReadonlySet<string> {
  const names = database
    .prepare("SELECT name FROM main.sqlite_schema UNION ALL SELECT name FROM pragma_module_list")
    .all()
    .map((row) => String(row["name"]).toLowerCase());
  return new Set(names);
}
