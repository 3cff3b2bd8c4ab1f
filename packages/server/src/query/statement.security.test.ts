/** Statements that nobody wrote: whatever they are, they are refused in one way, read nothing that is closed, and take no time. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import fc from "fast-check";

import { SqliteStore } from "../store/sqlite-store.ts";
import { QueryRefusal } from "./query-task.ts";
import { Snapshot } from "./snapshot.ts";
import { readStatement, STATEMENT_LENGTH_MAX } from "./statement.ts";
import { tokensOf } from "./tokens.ts";

const CANARY = "canary-of-a-closed-table";

const WORDS = `
  SELECT SELECT SELECT FROM FROM WHERE GROUP BY ORDER LIMIT UNION ALL EXCEPT WITH AS JOIN ON EXISTS IN NOT NULL VALUES CASE WHEN
  THEN END CAST DISTINCT INSERT INTO UPDATE DELETE SET ATTACH PRAGMA DROP TABLE VACUUM EXPLAIN RETURNING MATERIALIZED
  sys_invocation sys_journal state sys_inbox sys_deployment invocations objects meta timers deployments journal main temp
  sqlite_schema sqlite_master pragma_table_list pragma_database_list dbstat fts5vocab json_each json_tree information_schema
  public restate tables id key value checksum number status index rowid * * ( ) ( ) , , . . ; = < '${CANARY}' 'x' 1 0
  count max load_extension holdfast_names holdfast_sys_invocation randomblob printf "main" "objects" [meta] \`timers\` -- /* */ ? :a`
  .trim()
  .split(/\s+/);

test("statements of random words are refused as statements, and none reads a closed table", async (t) => {
  const dir = mkdtempSync(join(tmpdir(), "holdfast-query-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  await using store = await SqliteStore.open({ dir });
  const value = Buffer.from(CANARY);
  for (const table of ["meta", "timers"] as const) await store.commit([{ table, key: CANARY, value }], 1);
  const snapshot = Snapshot.open(store.filePath, { valueBytesMax: 1_000_000, byStatus: false });
  t.after(() => snapshot.close());
  const read = (sql: string): readonly unknown[] | undefined => {
    try {
      const statement = snapshot.prepare(readStatement(sql));
      // Whatever it is, its beginning shows what it may read.
      for (const row of statement.iterate()) return Object.values(row);
    } catch (error) {
      if (error instanceof QueryRefusal) return undefined;
      assert.equal((error as { code?: unknown }).code, "ERR_SQLITE_ERROR", String(error));
    }
    return undefined;
  };
  assert.deepEqual(read("SELECT count(*) FROM sys_invocation"), [0]);
  const words = fc.array(fc.constantFrom(...WORDS), { minLength: 2, maxLength: 14 });
  const framed = fc.oneof(
    words.map((each) => each.join(" ")),
    words.map((each) => `SELECT ${each.join(" ")}`),
    fc.constantFrom(...WORDS).map((word) => `SELECT * FROM ${word}`),
    fc.tuple(fc.constantFrom(...WORDS), fc.constantFrom(...WORDS)).map(([a, b]) => `SELECT * FROM ${a}.${b}`),
    fc.tuple(words, words).map(([a, b]) => `WITH x AS (SELECT ${a.join(" ")}) SELECT ${b.join(" ")} FROM x`),
  );
  fc.assert(
    fc.property(framed, (sql) => {
      const found = read(sql) ?? [];
      // A text of the statement's own is no find.
      if (sql.includes(CANARY)) return;
      for (const cell of found)
        assert.ok(!Buffer.from(cell instanceof Uint8Array ? cell : String(cell)).includes(CANARY), sql);
    }),
    { numRuns: 5_000 },
  );
});

test("the words of any text are found, and together with what lies between them they are the text", () => {
  const pieces = fc.constantFrom(
    "'",
    '"',
    "`",
    "--",
    "/*",
    "*/",
    "\n",
    " ",
    "a",
    "1.5e3",
    ".",
    "é",
    "[x]",
    "\0",
    ";",
  );
  const text = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.array(pieces).map((each) => each.join("")),
  );
  fc.assert(
    fc.property(text, (sql) => {
      let tokens;
      try {
        tokens = tokensOf(sql);
      } catch (error) {
        assert.ok(error instanceof QueryRefusal, String(error));
        return;
      }
      let end = 0;
      for (const token of tokens) {
        assert.ok(token.at >= end && token.text.length > 0);
        assert.equal(sql.slice(token.at, token.at + token.text.length), token.text);
        end = token.at + token.text.length;
      }
    }),
    { numRuns: 2_000 },
  );
});

test("a statement ten times as long takes about ten times as long to read, and one that is too long none", () => {
  const hostile = [
    "(",
    "'",
    "/*",
    "--",
    " ",
    "a.",
    "now ( ) - interval '1' ",
    "restate.public.",
    '"',
    ";",
    "\n",
  ];
  for (const piece of hostile) {
    const took = (length: number): number => {
      const sql = `SELECT ${piece.repeat((length - 10) / piece.length)}`;
      const began = performance.now();
      try {
        readStatement(sql);
      } catch (error) {
        assert.ok(error instanceof QueryRefusal, String(error));
      }
      return performance.now() - began;
    };
    const best = (length: number): number => Math.min(...Array.from({ length: 5 }, () => took(length)));
    const [short, long] = [best(STATEMENT_LENGTH_MAX / 10), best(STATEMENT_LENGTH_MAX)];
    // With the square of the length it would be a hundred times.
    assert.ok(long < 30 * short + 50, `${JSON.stringify(piece)}: ${short} ms and ${long} ms`);
  }
  const tooLong = `SELECT ${" ".repeat(STATEMENT_LENGTH_MAX)}1`;
  assert.throws(() => readStatement(tooLong), /longer than 100000 characters/);
});
