/** What a web page of somebody else can make a browser send to the admin API of its user's machine changes nothing. */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";

import { answersIn, exchangeRaw } from "../http/raw-http.contract.ts";
import { AdminRig } from "./admin-rig.ts";
import { adminRoutes } from "./admin.ts";

let rig: AdminRig;
let victim: string;

before(async () => {
  rig = await AdminRig.start();
});
after(() => rig.close());
/** To be called in each suite: hooks outside of one would serve the tests of every file. */
function freshForEachTest(): void {
  beforeEach(async () => {
    victim = await rig.invoke({ service: "Greeter", handler: "hang" });
    rig.engine.proposed.length = 0;
  });
}

/** Names and values of headers, beside Host. */
type Form = readonly [what: string, method: string, headers: readonly string[], body: string, status: number];

const kill = (): string => `/invocations/${victim}/kill`;
const TARGETS: ReadonlyArray<readonly [what: string, path: () => string, body: string]> = [
  ["an action", kill, ""],
  ["a registration", () => "/deployments", '{"url":"http://127.0.0.1:1"}'],
  ["a bulk action", () => "/invocations/bulk", '{"action":"kill","filter":{"service":"Greeter"}}'],
  ["a registration as Restate's clients do it", () => "/v3/deployments", '{"uri":"http://127.0.0.1:1"}'],
  ["a state", () => "/services/Counter/state", '{"object_key":"k","new_state":{}}'],
  ["a batch", () => "/internal/invocations_batch_operations/kill", '{"invocation_ids":["inv_1"]}'],
  ["a promise", () => "/services/Deploy/promises/k/approval/resolve", '{"by":"eve"}'],
  ["a query", () => "/query", '{"query":"SELECT 1"}'],
];

/** With and without what browsers say about a request's origin: old ones, and privacy tools, leave it out. */
const ORIGINS: ReadonlyArray<readonly [what: string, lines: readonly string[]]> = [
  [
    "of another site",
    ["Origin: http://evil.example", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors"],
  ],
  ["of another port", ["Origin: http://localhost:3000", "Sec-Fetch-Site: same-site"]],
  ["of a sandboxed page", ["Origin: null"]],
  ["that says nothing of its page", []],
  ["that says nothing, with a password in its address", ["Authorization: Basic dTpw"]],
];

const TYPES = [
  "application/x-www-form-urlencoded",
  "multipart/form-data; boundary=b",
  "text/plain",
  "text/plain; charset=application/json",
  "text/plain;application/json",
  "text/plain, application/json",
  "application/json, text/plain",
  "",
];

describe("a POST that a page can send unasked", () => {
  freshForEachTest();
  for (const [origin, originLines] of ORIGINS) {
    for (const type of TYPES) {
      it(`${origin}, with content type "${type}", changes nothing`, async () => {
        for (const [what, path, json] of TARGETS) {
          for (const body of json === "" ? [""] : [json, `x=${json}`, ""]) {
            const lines = [
              `POST ${path()} HTTP/1.1`,
              "Host: localhost:9070",
              ...originLines,
              ...(type === "" ? [] : [`Content-Type: ${type}`]),
              `Content-Length: ${body.length}`,
            ];
            const [answer] = answersIn(
              await exchangeRaw(rig.server.port, `${lines.join("\r\n")}\r\n\r\n${body}`, 5),
            );
            assert.ok(answer?.status === 403 || answer?.status === 415, `${what}: ${answer?.status}`);
          }
        }
        assert.deepEqual(rig.engine.proposed, []);
      });
    }
  }
});

describe("what a browser asks first for", () => {
  freshForEachTest();
  const forms: readonly Form[] = [
    ["json", "POST", ["Content-Type: application/json"], "", 403],
    ["another method", "DELETE", [], "", 403],
    ["a change", "PATCH", ["Content-Type: application/json"], "{}", 403],
    ["a token", "POST", ["Authorization: Bearer x"], "", 403],
    ["the question itself", "OPTIONS", ["Access-Control-Request-Method: PATCH"], "", 403],
  ];
  for (const [what, method, headers, body, status] of forms) {
    it(`${what} is refused for other origins, and no answer opens the way`, async () => {
      const lines = [
        `${method} ${kill()} HTTP/1.1`,
        "Host: localhost",
        "Origin: http://evil.example",
        ...headers,
      ];
      const received = await exchangeRaw(
        rig.server.port,
        `${lines.join("\r\n")}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
        30,
      );
      assert.equal(answersIn(received)[0]?.status, status);
      assert.doesNotMatch(received, /access-control/i);
      assert.deepEqual(rig.engine.proposed, []);
    });
  }

  it("is not allowed to pages of the server's own origin by CORS either: they do not need it", async () => {
    const answer = await rig.get("/version", { headers: { origin: rig.server.url } });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get("access-control-allow-origin"), null);
  });
});

describe("GET", () => {
  freshForEachTest();
  it("changes nothing, on any path of the admin API", async () => {
    const given: Readonly<Record<string, string>> = {
      "{id}": victim,
      "{service}": "Deploy",
      "{key}": "k",
      "{name}": "approval",
    };
    const paths = adminRoutes.documented
      .filter((route) => route.startsWith("GET "))
      .map((route) => route.slice(4).replace(/\{\w+\}/g, (name) => given[name] ?? "x"));
    assert.ok(paths.length > 10);
    for (const path of paths) await rig.get(path);
    assert.deepEqual(rig.engine.proposed, []);
  });

  it("is refused for a page that navigates to it, shows it as an image or loads it as a script", async () => {
    for (const mode of ["navigate", "no-cors", "cors"]) {
      const headers = { "sec-fetch-site": "cross-site", "sec-fetch-mode": mode };
      assert.equal((await rig.get("/invocations", { headers })).status, 403);
    }
  });

  it("does not stand for another method, whatever a header or the query says", async () => {
    const headers = { "x-http-method-override": "DELETE", "x-method-override": "POST" };
    const answer = await rig.get(`${kill()}?_method=POST`, { headers });
    assert.equal(answer.status, 405);
    assert.deepEqual(rig.engine.proposed, []);
  });
});

describe("an operator without a browser", () => {
  freshForEachTest();
  it("acts with JSON, with an empty body that says so, or with a token", async () => {
    const json = { "content-type": "application/json" };
    assert.equal((await rig.send("POST", kill(), undefined, { headers: json })).status, 200);
    victim = await rig.invoke({ service: "Greeter", handler: "hang" });
    assert.equal((await rig.send("PATCH", kill())).status, 200);
    victim = await rig.invoke({ service: "Greeter", handler: "hang" });
    assert.equal((await rig.send("POST", kill(), {})).status, 200);
    const other = await AdminRig.start({ token: "t" });
    const id = await other.invoke({ service: "Greeter", handler: "hang" });
    const headers = { authorization: "Bearer t" };
    assert.equal((await other.send("POST", `/invocations/${id}/kill`, undefined, { headers })).status, 200);
    await other.close();
  });

  it("is told what to send", async () => {
    const answer = await rig.send("POST", kill());
    assert.equal(answer.status, 415);
    assert.match(answer.json.hint, /content-type: application\/json/);
  });
});
