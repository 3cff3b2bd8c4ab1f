/** `holdfast sql` by the real program against a real server. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import {
  holdfast,
  HoldfastProcess,
  temporaryDirectory,
  type Ended,
} from "./testing/holdfast-process.contract.ts";
import { runHere, type Printed } from "./testing/run-here.contract.ts";

const TIMEOUT = { timeout: 60_000 };

const directory = temporaryDirectory();
let server: HoldfastProcess;
let variables: Readonly<Record<string, string>>;

before(async () => {
  const ports = ["--ingress-port", "0", "--admin-port", "0"];
  server = new HoldfastProcess(["serve", "--data", directory.path, ...ports, "--json"]);
  const { adminUrl } = await server.event("ready");
  variables = { HOLDFAST_ADMIN_URL: adminUrl };
});

after(async () => {
  await server[Symbol.asyncDispose]();
  directory[Symbol.dispose]();
});

function run(...words: readonly string[]): Promise<Ended> {
  return holdfast(["sql", ...words], { variables });
}

test("sql prints a table, with how many rows there are beside it", TIMEOUT, async () => {
  const { code, stdout, stderr } = await run("SELECT 7 AS n, 'a' AS name UNION ALL SELECT 12, 'b'");
  assert.equal(code, 0, stderr);
  assert.equal(stdout, " n  name\n 7  a\n12  b\n");
  assert.equal(stderr, "2 rows\n");
});

test("sql prints an object a line for programs, and comma-separated values", TIMEOUT, async () => {
  const query = "SELECT 1 AS n, 'say \"hi\", you' AS text, NULL AS missing, ? AS given";
  const json = await run(query, "-p", "it's", "--json");
  assert.deepEqual(JSON.parse(json.stdout), { n: 1, text: 'say "hi", you', missing: null, given: "it's" });
  const csv = await run(query, "-p", "it's", "--csv");
  assert.equal(csv.stdout, 'n,text,missing,given\n1,"say ""hi"", you",,it\'s\n');
});

test("sql cuts wide columns to the terminal, and shows control characters as escapes", TIMEOUT, async () => {
  const query = "SELECT printf('%300d', 1) AS wide, char(27) || '[31m' AS red";
  const shown: Printed = await runHere(["sql", query, "--no-color"], { variables, isTerminal: true });
  assert.equal(shown.code, 0, shown.stderr);
  for (const line of shown.stdout.split("\n")) assert.ok(line.length <= 120, line);
  assert.ok(!shown.stdout.includes("\u001b[31m"));
});

test("sql says what there is, and what would have been right", TIMEOUT, async () => {
  const tables = await run("--tables");
  assert.match(tables.stdout, /^sys_invocation +id, /m);
  const table = await run("SELECT * FROM sys_invocatio");
  assert.equal(table.code, 1);
  assert.match(table.stderr, /there is no table "sys_invocatio"[\s\S]*Did you mean "sys_invocation"\?/);
  const column = await run("SELECT stat FROM sys_invocation");
  assert.match(column.stderr, /there is no column "stat"[\s\S]*status/);
  assert.match((await run()).stderr, /A statement is missing/);
  assert.match((await run("DROP TABLE x")).stderr, /begins with DROP/);
});
