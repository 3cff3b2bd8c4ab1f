/** Who may call, from the header to the handler. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, it } from "node:test";

import { systemClock } from "../../clock.ts";
import { loadConfig } from "../../config.ts";
import { answersIn, exchangeRaw } from "../../http/raw-http.contract.ts";
import { assertProblem, IngressRig, settings as rigSettings, type Answer } from "../ingress-rig.ts";
import { authenticationOf } from "./from-config.ts";
import { AUDIENCE, ISSUER, keySetDocument, publicJwk, tokenOf } from "./jwt-issuer.contract.ts";

const TOKENS = { ada: "ada-secret-0123456789", bob: "bob-secret-0123456789" };

let rig: IngressRig;

async function startWith(given: Record<string, unknown>): Promise<IngressRig> {
  const { values } = loadConfig({ arguments: given });
  return IngressRig.start((engine) => ({
    authenticate: authenticationOf(
      values,
      { now: () => engine.now(), elapsed: () => engine.now() },
      () => {},
    ),
  }));
}

function startWithTokens(given: Record<string, unknown> = {}): Promise<IngressRig> {
  const tokens = Object.entries(TOKENS).map(([name, token]) => `${name}=${sha256(token)}`);
  return startWith({ "ingress.auth": "token", "ingress.tokens": tokens, ...given });
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function as(token: string | undefined): { headers: Record<string, string> } {
  return { headers: token === undefined ? {} : { authorization: `Bearer ${token}` } };
}

async function echo(token: string | undefined, more: Record<string, string> = {}): Promise<Answer> {
  return rig.request("/Greeter/echo", { json: 1, headers: { ...as(token).headers, ...more } });
}

describe("an ingress with tokens", () => {
  beforeEach(async () => {
    rig = await startWithTokens();
  });
  afterEach(() => rig.close());

  it("lets their owners in and tells the handler who they are", async () => {
    const answer = await echo(TOKENS.ada);
    assert.equal(answer.status, 200);
    assert.deepEqual(
      answer.json.headers.filter(([name]: [string]) => name.startsWith("x-holdfast-")),
      [["x-holdfast-principal", "ada"]],
    );
  });

  it("does not let callers say who they are themselves", async () => {
    const forged = { "x-holdfast-principal": "root", "x-holdfast-anything": "1", "X-Restate-Id": "1" };
    const { json } = await echo(TOKENS.bob, forged);
    const names = json.headers.filter(([name]: [string]) => /^x-(holdfast|restate)-/.test(name));
    assert.deepEqual(names, [["x-holdfast-principal", "bob"]]);
  });

  const wrong: ReadonlyArray<readonly [what: string, authorization: string | undefined]> = [
    ["no header", undefined],
    ["an empty header", ""],
    ["a wrong token", "Bearer wrong"],
    ["an empty token", "Bearer "],
    ["a token without its scheme", TOKENS.ada],
    ["another scheme", `Basic ${Buffer.from(`ada:${TOKENS.ada}`).toString("base64")}`],
    ["the token in pieces", "Bearer ada-secret 0123456789"],
    ["the beginning of a token", `Bearer ${TOKENS.ada.slice(0, -1)}`],
    ["more than a token", `Bearer ${TOKENS.ada}x`],
    ["another case", `Bearer ${TOKENS.ada.toUpperCase()}`],
    ["the digest, as the configuration has it", `Bearer ${sha256(TOKENS.ada)}`],
    ["two tokens", `Bearer ${TOKENS.ada}, Bearer wrong`],
  ];
  for (const [what, authorization] of wrong) {
    it(`answers ${what} with the same 401 on every path, and starts nothing`, async () => {
      const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
      const before = rig.engine.proposed.length;
      const bodies = new Set<string>();
      const paths = [
        "/Greeter/echo",
        "/Greeter/hidden",
        "/Nobody/knows",
        "/restate/health",
        "/restate/output/x",
        "/%ff",
      ];
      for (const path of paths) {
        const answer = await rig.request(path, { headers, json: 1 });
        assertProblem(answer, 401, "unauthorized");
        assert.equal(answer.headers.get("www-authenticate"), "Bearer");
        bodies.add(answer.text);
      }
      assert.equal(bodies.size, 1);
      assert.equal(rig.engine.proposed.length, before);
    });
  }

  it("asks also those whose requests Node's parser reads, and those that follow on the connection", async () => {
    const line = (token: string, unusual: string): string =>
      `POST /Greeter/echo HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n${unusual}Content-Length: 0\r\n\r\n`;
    const unusual = "Connection: keep-alive, x\r\n";
    const sent = [
      line(TOKENS.ada, ""),
      line("wrong", ""),
      line("wrong", unusual),
      line(TOKENS.ada, unusual),
    ].join("");
    const statuses = answersIn(await exchangeRaw(rig.server.port, sent)).map(({ status }) => status);
    assert.deepEqual(statuses, [200, 401, 401, 200]);
    const twice = `POST /Greeter/echo HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer wrong\r\nAuthorization: Bearer ${TOKENS.ada}\r\nContent-Length: 0\r\n\r\n`;
    assert.deepEqual(
      answersIn(await exchangeRaw(rig.server.port, twice)).map(({ status }) => status),
      [401],
    );
  });

  it("keeps no token in the journal", async () => {
    await echo(TOKENS.ada);
    const written = rig.engine.proposed.map((record) =>
      record.kind === "invoke" ? Buffer.from(record.input).toString("latin1") + JSON.stringify(record) : "",
    );
    assert.ok(written.some((text) => text.includes("ada")));
    assert.doesNotMatch(written.join(""), /ada-secret/);
  });
});

describe("limits on callers", () => {
  afterEach(() => rig.close());

  it("stop wrong tokens of one address after a while, and never good ones", async () => {
    rig = await startWithTokens({ "ingress.authFailuresMax": 5 });
    for (let n = 0; n < 5; n++) assert.equal((await echo(`wrong-${n}`)).status, 401);
    const answer = await echo("wrong-again");
    assertProblem(answer, 429, "rate-limited");
    assert.ok(answer.headers.get("retry-after"));
    assert.equal((await echo(TOKENS.ada)).status, 200);
    rig.engine.time += 60_000;
    assert.equal((await echo("wrong-again")).status, 401);
  });

  it("keep one principal from taking the place of the others", async () => {
    rig = await startWithTokens({ "ingress.principalRateMax": 3 });
    for (let n = 0; n < 3; n++) assert.equal((await echo(TOKENS.ada)).status, 200);
    assertProblem(await echo(TOKENS.ada), 429, "rate-limited");
    assert.equal((await echo(TOKENS.bob)).status, 200);
    rig.engine.time += 1_000;
    assert.equal((await echo(TOKENS.ada)).status, 200);
  });
});

describe("an ingress with JWT", () => {
  let issuer: Server;
  let answer: (response: ServerResponse) => void;

  beforeEach(async () => {
    answer = (response) => response.end(JSON.stringify(keySetDocument()));
    issuer = createServer((_req, response) => answer(response));
    await new Promise<void>((resolve) => {
      issuer.listen(0, "127.0.0.1", resolve);
    });
    rig = await startWith({
      "ingress.auth": "jwt",
      "ingress.jwt.jwksUrl": `http://127.0.0.1:${(issuer.address() as AddressInfo).port}/keys`,
      "ingress.jwt.issuer": ISSUER,
      "ingress.jwt.audiences": [AUDIENCE],
      "ingress.authFailuresMax": 5,
    });
  });
  afterEach(async () => {
    await rig.close();
    issuer.closeAllConnections();
    await new Promise((resolve) => issuer.close(resolve));
  });

  it("fetches the issuer's keys and lets its tokens in, with and without a body that is still coming", async () => {
    const token = tokenOf("ES256", rig.engine.now());
    const large = "x".repeat(50_000);
    const answers = await Promise.all([
      echo(token),
      rig.request("/Greeter/echo", { ...as(token), json: large }),
      rig.request("/Greeter/echo", as(tokenOf("RS256", rig.engine.now()))),
    ]);
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200, 200],
    );
    assert.equal(answers[1]?.json.body.length, large.length + 2);
  });

  it("answers 401 to others, and 429 when there are too many of them", async () => {
    assertProblem(await echo(tokenOf("ES256", 0)), 401, "unauthorized");
    const forged = (): string => tokenOf("EdDSA", rig.engine.now(), { signature: () => new Uint8Array(64) });
    for (let n = 0; n < 4; n++) assertProblem(await echo(forged()), 401, "unauthorized");
    assertProblem(await echo(forged()), 429, "rate-limited");
  });

  it("lets tokens in that were good before, also after a minute and from an address with too many wrong ones", async () => {
    const token = tokenOf("ES256", rig.engine.now());
    assert.equal((await echo(token)).status, 200);
    rig.engine.time += 61_000;
    for (let n = 0; n < 5; n++) assertProblem(await echo("forged"), 401, "unauthorized");
    assertProblem(await echo("forged"), 429, "rate-limited");
    assert.equal((await echo(token)).status, 200);
    assertProblem(await echo("forged"), 429, "rate-limited");
  });

  it("holds up a token that was good before once it has expired or its key is gone", async () => {
    const expiring = tokenOf("ES256", rig.engine.now());
    const withdrawn = tokenOf("EdDSA", rig.engine.now(), {
      claims: { exp: rig.engine.now() / 1_000 + 3_600 },
    });
    for (const token of [expiring, withdrawn]) assert.equal((await echo(token)).status, 200);
    answer = (response) => response.end(JSON.stringify({ keys: [publicJwk("ES256")] }));
    rig.engine.time += 11 * 60_000;
    // The first verification finds that its key is gone; afterwards it is a wrong token like any other.
    assertProblem(await echo(withdrawn), 401, "unauthorized");
    for (let n = 0; n < 4; n++) assertProblem(await echo("forged"), 401, "unauthorized");
    for (const token of [expiring, withdrawn]) assertProblem(await echo(token), 429, "rate-limited");
  });

  const bad: ReadonlyArray<readonly [what: string, give: (response: ServerResponse) => void]> = [
    ["an error", (response) => response.writeHead(500).end("secret")],
    ["a redirect", (response) => response.writeHead(302, { location: "http://127.0.0.1:1/" }).end()],
    ["no JSON", (response) => response.end("<html>")],
    ["no keys", (response) => response.end('{"keys":[]}')],
    ["more than anybody has", (response) => response.end(`"${"x".repeat(300_000)}"`)],
    ["half of it", (response) => void response.write("{", () => response.destroy())],
  ];
  for (const [what, give] of bad) {
    it(`answers 503 when the issuer answers with ${what}`, async () => {
      answer = give;
      const refused = await echo(tokenOf("ES256", rig.engine.now()));
      assertProblem(refused, 503, "authentication-unavailable");
      assert.doesNotMatch(refused.text, /secret|html/);
    });
  }
});

describe("a configuration of authentication that cannot work", () => {
  const jwt = {
    "ingress.auth": "jwt",
    "ingress.jwt.jwksUrl": "https://issuer.test/keys",
    "ingress.jwt.issuer": ISSUER,
    "ingress.jwt.audiences": [AUDIENCE],
  };
  const rows: ReadonlyArray<readonly [what: string, given: Record<string, unknown>]> = [
    ["no tokens", { "ingress.auth": "token" }],
    ["a token as it is", { "ingress.auth": "token", "ingress.tokens": ["ada=canary"] }],
    ["a token of nobody", { "ingress.auth": "token", "ingress.tokens": [`=${sha256("x")}`] }],
    ["a line without a name", { "ingress.auth": "token", "ingress.tokens": [sha256("canary")] }],
    ["keys over plain http", { ...jwt, "ingress.jwt.jwksUrl": "http://issuer.test/keys" }],
    ["keys from a file", { ...jwt, "ingress.jwt.jwksUrl": "file:///keys" }],
    ["no keys", { ...jwt, "ingress.jwt.jwksUrl": "" }],
    ["no issuer", { ...jwt, "ingress.jwt.issuer": "" }],
    ["no audience", { ...jwt, "ingress.jwt.audiences": [] }],
    ["no algorithm", { ...jwt, "ingress.jwt.algorithms": [] }],
    ["a symmetric algorithm", { ...jwt, "ingress.jwt.algorithms": ["HS256"] }],
    ["no algorithm at all, by name", { ...jwt, "ingress.jwt.algorithms": ["none"] }],
  ];
  for (const [what, given] of rows) {
    it(`(${what}) is an error at start that repeats no secret`, () => {
      const { values } = loadConfig({ arguments: given });
      assert.throws(
        () => authenticationOf(values, systemClock, () => {}),
        (error: Error & { code?: string }) => {
          assert.equal(error.code, "config-invalid");
          assert.doesNotMatch(error.message, /canary/);
          return true;
        },
      );
    });
  }

  it("is not the default: everyone may call, and nobody has a name", async () => {
    assert.equal(
      authenticationOf(loadConfig().values, systemClock, () => {}),
      undefined,
    );
    assert.equal(rigSettings.authenticate, undefined);
  });
});
