/** What an endpoint may say about itself, and how it is told apart from everything else that answers HTTP. */
import assert from "node:assert/strict";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, it } from "node:test";

import {
  HoldfastError,
  MANIFEST_MEDIA_TYPE,
  type EndpointManifest,
  type ErrorCode,
} from "@holdfast/protocol";

import { checkManifest, discover as discoverAt, parseManifest } from "./discovery.ts";
import { scriptedManifest } from "./scripted-endpoint.contract.ts";
import { anyAddress } from "./session-harness.contract.ts";

const [scriptedService] = scriptedManifest.services;
assert.ok(scriptedService);
const handlers = scriptedService.handlers;

const discover = (at: string, headers: Record<string, string>): Promise<EndpointManifest> =>
  discoverAt(at, headers, anyAddress());

let server: Server;
let answer: (response: ServerResponse) => void;
const seen: Array<{ readonly url: string; readonly accept: string; readonly secret: string }> = [];

before(async () => {
  server = createServer((request, response) => {
    const { accept = "", "x-secret": secret = "" } = request.headers;
    seen.push({ url: request.url ?? "", accept, secret: String(secret) });
    answer(response);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
});

after(async () => {
  server.closeAllConnections();
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
});

function url(path = ""): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;
}

function answerWith(status: number, body: string, type: string = MANIFEST_MEDIA_TYPE): void {
  answer = (response) => {
    response.writeHead(status, { "content-type": type });
    response.end(body);
  };
}

/** Expects a refusal that is a client's fault, names the address, and says what is wrong. */
async function refused(at: string, code: ErrorCode, reason: RegExp, headers = {}): Promise<void> {
  await assert.rejects(discover(at, headers), (error: unknown) => {
    assert.ok(error instanceof HoldfastError, String(error));
    assert.equal(error.code, code);
    assert.ok(error.status < 500, `${error.status}`);
    assert.match(error.message, reason);
    return true;
  });
}

describe("discovery", () => {
  it("asks below the deployment's address, with its headers, and gives back the manifest", async () => {
    answerWith(200, JSON.stringify(scriptedManifest));
    assert.deepEqual(await discover(url("/base/"), { "x-secret": "s" }), scriptedManifest);
    const restates = [1, 2, 3, 4].map((n) => `application/vnd.restate.endpointmanifest.v${n}+json`);
    const accept = [MANIFEST_MEDIA_TYPE, ...restates].join(", ");
    assert.deepEqual(seen.at(-1), { url: "/base/discover", accept, secret: "s" });
    await discover(url("/base?tenant=7"), {});
    assert.equal(seen.at(-1)?.url, "/base/discover?tenant=7");
  });

  const addresses: ReadonlyArray<{ readonly at: string; readonly reason: RegExp }> = [
    { at: "not a url", reason: /this is not a URL/ },
    { at: "ftp://example.com", reason: /scheme "ftp:" is not supported/ },
    { at: "http://user:secret@127.0.0.1:1", reason: /credentials/ },
    { at: "http://127.0.0.1:1", reason: /ECONNREFUSED/ },
    { at: "http://nobody.invalid", reason: /ENOTFOUND|EAI_AGAIN/ },
  ];
  for (const { at, reason } of addresses) {
    it(`of ${at} says why it cannot be reached`, () => refused(at, "deployment-unreachable", reason));
  }

  it("with headers that cannot be sent says so", () =>
    refused(url(), "deployment-unreachable", /header/i, { "x-secret": "line\r\nbreak" }));

  const answers: ReadonlyArray<{
    readonly name: string;
    readonly reason: RegExp;
    readonly give: () => void;
  }> = [
    { name: "404", reason: /answered 404; is this the address/, give: () => answerWith(404, "nothing here") },
    { name: "a redirect", reason: /answered 302/, give: () => answerWith(302, "") },
    { name: "500", reason: /answered 500/, give: () => answerWith(500, "secret stack trace") },
    {
      name: "a web page",
      reason: /content type text\/html/,
      give: () => answerWith(200, "<html>", "text/html"),
    },
    { name: "text that is no JSON", reason: /not JSON/, give: () => answerWith(200, "{") },
    {
      name: "a manifest of megabytes",
      reason: /larger than/,
      give: () => answerWith(200, `"${"x".repeat(2_000_000)}"`),
    },
    {
      name: "half an answer",
      reason: /connection broke|ECONNRESET|aborted/,
      give: () => {
        answer = (response) => {
          response.writeHead(200, { "content-type": MANIFEST_MEDIA_TYPE, "content-length": "1000" });
          response.write("{", () => response.destroy());
        };
      },
    },
  ];
  for (const { name, reason, give } of answers) {
    it(`that is answered with ${name} is refused`, async () => {
      give();
      const code = name === "half an answer" ? "deployment-unreachable" : "deployment-incompatible";
      await refused(url(), code, reason);
    });
  }

  it("passes nothing on of what a foreign server answered", async () => {
    answerWith(500, "secret stack trace", "text/plain");
    await assert.rejects(discover(url(), {}), (error: Error) => {
      assert.doesNotMatch(JSON.stringify(error) + error.message, /secret/);
      return true;
    });
  });
});

describe("a manifest", () => {
  const service = (changes: object): object => ({
    ...scriptedManifest,
    services: [{ ...scriptedService, ...changes }],
  });
  const handler = (changes: object): object => service({ handlers: [{ ...handlers[0], ...changes }] });
  const many = (count: number, make: (n: number) => object): object[] =>
    Array.from({ length: count }, (_, n) => make(n));

  const bad: ReadonlyArray<{ readonly name: string; readonly manifest: unknown; readonly reason: RegExp }> = [
    { name: "that is a list", manifest: [], reason: /not an object/ },
    { name: "that is null", manifest: null, reason: /not an object/ },
    { name: "without the SDK's name", manifest: { ...scriptedManifest, sdk: 1 }, reason: /no text "sdk"/ },
    { name: "without wires", manifest: { ...scriptedManifest, wires: [] }, reason: /names no "wires"/ },
    {
      name: "of another wire",
      manifest: { ...scriptedManifest, wires: ["restate"] },
      reason: /speaks "native"/,
    },
    { name: "without services", manifest: { ...scriptedManifest, services: [] }, reason: /no services/ },
    {
      name: "of too many services",
      manifest: {
        ...scriptedManifest,
        services: many(1_001, (n) => ({ ...scriptedService, name: `s${n}` })),
      },
      reason: /1001 services; the limit is 1000/,
    },
    {
      name: "that names a service twice",
      manifest: { ...scriptedManifest, services: [scriptedService, scriptedService] },
      reason: /"script" is there twice/,
    },
    {
      name: "of a service with a slash",
      manifest: service({ name: "a/b" }),
      reason: /cannot be a service's name/,
    },
    {
      name: "of a service named like a path of ours",
      manifest: service({ name: "restate" }),
      reason: /reserved/,
    },
    {
      name: "of a service of unknown kind",
      manifest: service({ kind: "actor" }),
      reason: /unknown kind "actor"/,
    },
    {
      name: "of a service whose name cannot become text",
      manifest: service({ name: { toString: 1 } }),
      reason: /\{"toString":1\}" cannot be a service's name/,
    },
    { name: "of a service without handlers", manifest: service({ handlers: [] }), reason: /no handlers/ },
    {
      name: "that names a handler twice",
      manifest: service({ handlers: [handlers[0], handlers[0]] }),
      reason: /twice/,
    },
    {
      name: "of a handler without a name",
      manifest: handler({ name: "" }),
      reason: /cannot be the name of a handler/,
    },
    {
      name: "of a handler of the wrong kind",
      manifest: handler({ kind: "exclusive" }),
      reason: /of a service cannot be/,
    },
    {
      name: "of a workflow without run",
      manifest: service({ kind: "workflow", handlers: [{ name: "go", kind: "shared" }] }),
      reason: /exactly one handler of kind "run", not 0/,
    },
    {
      name: "with a negative duration",
      manifest: handler({ inactivityTimeoutMs: -1 }),
      reason: /"script\/go" has inactivityTimeoutMs -1/,
    },
    {
      name: "with a broken duration",
      manifest: service({ abortTimeoutMs: 1.5 }),
      reason: /"script" has abortTimeoutMs/,
    },
    { name: "with a flag that is none", manifest: handler({ lazyState: "yes" }), reason: /lazyState/ },
    { name: "with a policy that is none", manifest: handler({ retryPolicy: 3 }), reason: /retryPolicy/ },
    {
      name: "with an endless factor",
      manifest: handler({ retryPolicy: { factor: Number.POSITIVE_INFINITY } }),
      reason: /retryPolicy\.factor/,
    },
    {
      name: "with another end of retries",
      manifest: handler({ retryPolicy: { onMaxAttempts: "drop" } }),
      reason: /onMaxAttempts/,
    },
  ];
  for (const { name, manifest, reason } of bad) {
    it(`${name} is refused with what is wrong`, () => {
      assert.throws(
        () => checkManifest("http://there", manifest),
        (error: unknown) => {
          assert.ok(error instanceof HoldfastError && error.code === "deployment-incompatible");
          assert.match(error.message, /http:\/\/there/);
          assert.match(error.message, reason);
          return true;
        },
      );
    });
  }

  it("that nests without end is refused before it can exhaust a stack", () => {
    for (const depth of [257, 100_000]) {
      const schema = `${'{"not":'.repeat(depth)}{}${"}".repeat(depth)}`;
      const text = JSON.stringify(handler({ inputSchema: "SCHEMA" })).replace('"SCHEMA"', schema);
      assert.throws(() => parseManifest("http://there", text), {
        code: "deployment-incompatible",
        message: /deeper/,
      });
    }
  });

  it("that holds too much is refused before it is parsed, and for what it is", () => {
    const tooDeep = { code: "deployment-incompatible", message: /manifest is nested deeper than 256 levels/ };
    assert.throws(() => parseManifest("http://there", "[".repeat(600)), tooDeep);
    const tooMany = { code: "deployment-incompatible", message: /manifest has more than 250000 keys/ };
    assert.throws(() => parseManifest("http://there", `[${'{"a":1},'.repeat(250_001)}1]`), tooMany);
  });

  it("of a runtime that cannot run the SDK is refused with what is needed", () => {
    for (const [runtime, isFine] of [
      ["node/20.11.0", false],
      ["node/22.0.0", true],
      ["node/24.1.0", true],
      ["bun/1.2.0", true],
    ] as const) {
      const check = () => checkManifest("http://there", { ...scriptedManifest, runtime });
      if (isFine) check();
      else {
        const details = { url: "http://there", runtime, required: "Node 22 or newer" };
        assert.throws(check, { code: "runtime-unsupported", message: /20\.11\.0/, details });
      }
    }
  });
});
