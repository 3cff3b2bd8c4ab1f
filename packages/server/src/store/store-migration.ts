/** How a store of an older format becomes one of the present. */
import type { DatabaseSync } from "node:sqlite";

import { PLACE_BITS } from "./journal-place.ts";
import { INVOCATION_INDEXES, INVOCATION_TABLES } from "./store-tables.ts";

/** Format 1 had no numbers of invocations, and kept the chunks of journals by their keys. */
export function migrateFrom1(database: DatabaseSync): void {
  const invocation = "substr(old_journal.key, 1, instr(old_journal.key, '/') - 1)";
  const first = "CAST(substr(old_journal.key, instr(old_journal.key, '/') + 1) AS INTEGER)";
  database.exec(`
    BEGIN IMMEDIATE;
    ALTER TABLE invocations RENAME TO old_invocations;
    ALTER TABLE journal RENAME TO old_journal;
    ${INVOCATION_TABLES}
    INSERT INTO invocations SELECT rowid, * FROM old_invocations;
    DROP TABLE old_invocations;
    ${INVOCATION_INDEXES}
    INSERT INTO journal
      SELECT (number << ${PLACE_BITS}) | ${first}, old_journal.value
      FROM old_journal JOIN invocations ON id = ${invocation};
    DROP TABLE old_journal;
    PRAGMA user_version = 2;
    COMMIT;
  `);
}
