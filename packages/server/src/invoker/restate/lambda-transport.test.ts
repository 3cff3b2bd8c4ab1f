/** Requests to functions and what they answer, or something else does in their place. */
import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, it } from "node:test";
import { zstdCompressSync, zstdDecompressSync } from "node:zlib";

import { systemClock } from "../../clock.ts";
import { EndpointAddresses } from "../endpoint-address.ts";
import { networkRules } from "../network-rules.ts";
import { LAMBDA_ANSWER_BYTES_MAX, LAMBDA_REQUEST_BYTES_MAX } from "./lambda-envelope.ts";
import { LambdaTransport } from "./lambda-transport.ts";
import { askWhole } from "./whole-answer.ts";

type Envelope = {
  readonly path: string;
  readonly httpMethod: string;
  readonly headers: Record<string, string>;
  readonly body: string;
  readonly isBase64Encoded: boolean;
};

let server: Server;
let asked: IncomingMessage[];
let envelopes: Envelope[];
let respond: (response: ServerResponse, envelope: Envelope) => void;

/** To be called in each suite: hooks outside of one would serve the tests of every file. */
function freshForEachTest(): void {
  beforeEach(async () => {
    asked = [];
    envelopes = [];
    server = createServer((request, response) => {
      const chunks: Uint8Array[] = [];
      request.on("data", (chunk: Uint8Array) => chunks.push(chunk));
      request.on("end", () => {
        const envelope = JSON.parse(Buffer.concat(chunks).toString("utf8")) as Envelope;
        asked.push(request);
        envelopes.push(envelope);
        respond(response, envelope);
      });
    });
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    });
  });

  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => {
      server.close(resolve);
    });
  });
}

const says =
  (value: unknown, status = 200) =>
  (response: ServerResponse): void => {
    response.writeHead(status).end(typeof value === "string" ? value : JSON.stringify(value));
  };

async function ask(body: Uint8Array, compresses = false, timeoutMs = 20_000) {
  const { port } = server.address() as AddressInfo;
  const transport = new LambdaTransport({
    clock: systemClock,
    base: new URL(`http://127.0.0.1:${port}/call/me?now=1`),
    addresses: new EndpointAddresses(networkRules({ allowed: [], denied: [] })),
    headers: { host: "front", authorization: "Bearer outside" },
    compresses,
  });
  try {
    const request = { method: "POST", path: "/invoke/a/b", headers: { "content-type": "x/y" } } as const;
    const bytesMax = 2 * LAMBDA_ANSWER_BYTES_MAX;
    const {
      status,
      headers,
      body: answer,
    } = await askWhole(transport, request, body, {
      clock: systemClock,
      timeoutMs,
      bytesMax,
    });
    return { status, headers, text: Buffer.from(answer).toString() };
  } finally {
    transport.close();
  }
}

const base64 = (text: string | Uint8Array): string => Buffer.from(text).toString("base64");

describe("a request to a function", () => {
  freshForEachTest();

  it("is one POST to the URL as it is, with the request inside", async () => {
    respond = says({
      statusCode: 201,
      headers: { "Content-Type": "a/b" },
      body: base64("é"),
      isBase64Encoded: true,
    });
    assert.deepEqual(await ask(Buffer.from([0, 255])), {
      status: 201,
      headers: { "content-type": "a/b" },
      text: "é",
    });
    const [request] = asked;
    assert.deepEqual(
      [request?.method, request?.url, request?.headers.host, request?.headers.authorization],
      ["POST", "/call/me?now=1", "front", "Bearer outside"],
    );
    assert.deepEqual(envelopes, [
      {
        path: "/invoke/a/b",
        httpMethod: "POST",
        headers: { "content-type": "x/y" },
        body: "AP8=",
        isBase64Encoded: true,
      },
    ]);
  });

  it("may be answered with text, with nothing, and without headers", async () => {
    respond = says({ statusCode: 200, body: "plain", isBase64Encoded: false });
    assert.equal((await ask(new Uint8Array(0))).text, "plain");
    respond = says({ statusCode: 204 });
    assert.deepEqual(await ask(new Uint8Array(0)), { status: 204, headers: {}, text: "" });
  });

  it("is compressed where it is large and the function can take that, and so may its answer be", async () => {
    respond = (response, { body, headers }) => {
      const text =
        headers["content-encoding"] === "zstd" ? zstdDecompressSync(Buffer.from(body, "base64")) : "small";
      const answer = { "content-encoding": "zstd" };
      const packed = base64(zstdCompressSync(Buffer.from(String(text.length))));
      says({ statusCode: 200, headers: answer, body: packed, isBase64Encoded: true })(response);
    };
    const large = Buffer.alloc(300_000, "x");
    assert.equal((await ask(large, true)).text, "300000");
    assert.ok((envelopes[0]?.body.length ?? 0) < 10_000);
    assert.equal((await ask(Buffer.from("x"), true)).text, "5");
    assert.equal(envelopes[1]?.headers["accept-encoding"], "zstd");
    await assert.rejects(ask(large, false), /compressed, which it was not asked to be/);
    assert.equal(envelopes[2]?.headers["accept-encoding"], undefined);
  });

  it("that would be too large is not made", async () => {
    await assert.rejects(
      ask(Buffer.alloc(LAMBDA_REQUEST_BYTES_MAX + 1)),
      /67108865 bytes .* 67108864 bytes at most/,
    );
    assert.equal(asked.length, 0);
  });

  it("that is given up is cut off", async () => {
    let isCut = false;
    respond = (response) => void response.on("close", () => (isCut = true));
    await assert.rejects(ask(new Uint8Array(1), false, 50), /no answer within 50 ms/);
    while (!isCut) await new Promise((resolve) => setImmediate(resolve));
  });
});

describe("what no function answers", () => {
  freshForEachTest();

  const cases: ReadonlyArray<readonly [what: string, answer: unknown, reason: RegExp]> = [
    ["a page", "<html>secret</html>", /it is not JSON/],
    ["a list", [1], /it is no object/],
    ["no status", { headers: {}, body: "" }, /it has no statusCode/],
    ["a status that is none", { statusCode: 99 }, /it has no statusCode/],
    ["headers that are none", { statusCode: 200, headers: [1] }, /its headers are no object/],
    ["a body that is no text", { statusCode: 200, body: {} }, /its body is no text/],
    [
      "what cannot be decompressed",
      { statusCode: 200, headers: { "content-encoding": "zstd" }, body: "secret" },
      /its body cannot be decompressed/,
    ],
  ];
  for (const [what, answer, reason] of cases) {
    it(`is refused, and not repeated: ${what}`, async () => {
      respond = says(answer);
      await assert.rejects(ask(new Uint8Array(1), true), (error: Error) => {
        assert.match(error.message, reason);
        assert.doesNotMatch(error.message, /secret/);
        return true;
      });
    });
  }

  it("is passed on where it has another status: so says what stands before it", async () => {
    respond = says("too many", 429);
    const { status, text } = await ask(new Uint8Array(1));
    assert.deepEqual([status, text], [429, ""]);
  });

  it("is cut off where it is too large, packed or not", async () => {
    const bomb = zstdCompressSync(Buffer.alloc(LAMBDA_ANSWER_BYTES_MAX + 1));
    const headers = { "content-encoding": "zstd" };
    respond = says({ statusCode: 200, headers, body: base64(bomb), isBase64Encoded: true });
    await assert.rejects(ask(new Uint8Array(1), true), /cannot be decompressed within the limit/);
    respond = (response) => {
      const chunk = Buffer.alloc(1024 * 1024, 32);
      const more = (): void => {
        while (!response.destroyed && response.write(chunk));
      };
      response
        .writeHead(200)
        .on("drain", more)
        .on("error", () => {});
      more();
    };
    await assert.rejects(ask(new Uint8Array(1), true), /its answer is larger than 67108864 bytes/);
  });

  it("may be a connection that breaks", async () => {
    respond = (response) => response.destroy();
    await assert.rejects(ask(new Uint8Array(1)), { name: "NoAnswer" });
  });
});
