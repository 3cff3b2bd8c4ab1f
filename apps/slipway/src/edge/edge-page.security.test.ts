import assert from "node:assert/strict";
import { Duplex } from "node:stream";
import { test } from "node:test";

import { fetchPage } from "../testing/slipway-process.ts";
import { PAGE_HEADERS, renderPage, type EdgePage } from "./edge-page.ts";
import { EdgeServer } from "./edge-server.ts";
import { refuseUpgrade } from "./proxy-upgrade.ts";

const SCRIPT = `<script>alert(1)</script>"'&`;
const page: EdgePage = { status: 502, code: "instance_failed", title: SCRIPT, text: SCRIPT, links: [SCRIPT] };

test("a page shows what others wrote as text", () => {
  const html = renderPage(page);
  assert.doesNotMatch(html, /<script/);
  assert.match(html, /&lt;script>alert\(1\)&lt;\/script>&quot;/);
  assert.doesNotMatch(html, /href="[^"]*<|href="[^"]*"[^>]/);
});

test("a page may run nothing, load nothing, and be framed by nobody", () => {
  const policy = PAGE_HEADERS["Content-Security-Policy"] ?? "";
  assert.match(policy, /default-src 'none'/);
  assert.match(policy, /frame-ancestors 'none'/);
  assert.doesNotMatch(policy, /script-src|unsafe-eval/);
  assert.equal(PAGE_HEADERS["X-Content-Type-Options"], "nosniff");
});

test("an unknown host is answered with such a page", async (t) => {
  const edge = new EdgeServer([]);
  t.after(() => edge.close());
  const { headers, body } = await fetchPage(await edge.listen(0), `a"onload="b.localhost`);
  for (const [name, value] of Object.entries(PAGE_HEADERS)) assert.equal(headers[name.toLowerCase()], value);
  assert.doesNotMatch(body, /"onload="/);
});

test("pages that answer an upgrade have the same headers", async () => {
  let sent = "";
  const visitor = new Duplex({
    read: () => {},
    write: (chunk: Buffer, _encoding, done) => {
      sent += chunk.toString();
      done();
    },
  });
  refuseUpgrade(visitor, page);
  await new Promise((resolve) => visitor.once("finish", resolve));
  for (const [name, value] of Object.entries(PAGE_HEADERS))
    assert.ok(sent.includes(`${name}: ${value}\r\n`), name);
});
