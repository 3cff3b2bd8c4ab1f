/** A program with a query that never ends, for the test that kills it. Prints the id of the process that runs the query. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { queryProgram } from "../query-program.ts";
import { SqliteStore } from "../store/sqlite-store.ts";
import { QueryProcess } from "./query-process-handle.ts";

const [dir = mkdtempSync(join(tmpdir(), "holdfast-query-"))] = process.argv.slice(2);
const store = await SqliteStore.open({ dir });
const limits = { timeMs: 3_600_000, rowsMax: 10, resultBytesMax: 1_000, memoryBytesMax: 2 ** 30 };
const ask = (sql: string) => ({ path: store.filePath, sql, parameters: [], format: "json", limits }) as const;
const child = new QueryProcess(queryProgram(), () => undefined);
await child.run(ask("SELECT 1"));
console.log(child.pid);
await child.run(ask("WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x FROM n) SELECT count(*) FROM n"));
