import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { it } from "node:test";

import { adminRoutes } from "./admin.ts";
import { ACTION_FIELDS } from "./invocation-actions.ts";
import { FILTER_FIELDS } from "./invocation-search.ts";

const document = readFileSync(new URL("../../../../docs/http.md", import.meta.url), "utf8");

it("docs/http.md has every route of the admin API, and no other", () => {
  const admin = document.slice(document.indexOf("## Admin"));
  const described = [...admin.matchAll(/^\| `([A-Z]+ \/[^`]*)` \|/gm)].map(([, route]) => route);
  assert.deepEqual(new Set(described), new Set(adminRoutes.documented));
  assert.equal(described.length, adminRoutes.documented.length);
});

it("docs/http.md has every action with its fields, and every filter", () => {
  for (const [action, fields] of Object.entries(ACTION_FIELDS)) {
    const row = document.split("\n").find((line) => line.startsWith(`| \`${action}\` |`)) ?? "";
    for (const field of Object.keys(fields)) assert.ok(row.includes(`"${field}"`), `${action}: ${field}`);
    assert.ok(row !== "", action);
  }
  for (const filter of Object.keys(FILTER_FIELDS)) assert.ok(document.includes(`\`${filter}\``), filter);
});
