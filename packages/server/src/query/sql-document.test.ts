import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { QueryRig } from "./query-rig.contract.ts";
import { sqlDocument } from "./sql-document.ts";
import { views } from "./views/views.ts";

const DOCUMENT = fileURLToPath(new URL("../../../../docs/sql.md", import.meta.url));

test("docs/sql.md is what the views say (UPDATE=1 rewrites it)", () => {
  if (process.env["UPDATE"] === "1") writeFileSync(DOCUMENT, sqlDocument());
  assert.equal(readFileSync(DOCUMENT, "utf8"), sqlDocument());
});

test("every query of docs/sql.md can be run, and every column of every view be read", async (t) => {
  const rig = await QueryRig.start(t);
  const examples = [...readFileSync(DOCUMENT, "utf8").matchAll(/```sql\n([^`]*)```/g)];
  assert.equal(examples.length, 5);
  for (const [, query = ""] of examples) assert.deepEqual(await rig.rows(query), []);
  for (const { name } of views) assert.deepEqual(await rig.rows(`SELECT * FROM ${name}`), []);
});
