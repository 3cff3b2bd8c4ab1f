import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { after, before, describe, it } from "node:test";

import fc from "fast-check";

import { PlainRequestReader, type PlainHead } from "./plain-request.ts";

const LIMITS = { headBytesMax: 4096, bodyBytesMax: 1000 };

function read(text: string): PlainHead | "unusual" {
  return new PlainRequestReader(LIMITS).read(Buffer.from(text, "latin1"));
}

describe("plain requests", () => {
  it("are read with their method, path, headers and where their body is", () => {
    const head = read(
      "POST /Greeter/greet?x=1 HTTP/1.1\r\nHost: localhost:8080\r\nContent-Type: application/json\r\ncontent-length: 7\r\n\r\n",
    );
    assert.deepEqual(head, {
      method: "POST",
      url: "/Greeter/greet?x=1",
      httpVersion: "1.1",
      headers: { host: "localhost:8080", "content-type": "application/json", "content-length": "7" },
      headerCount: 3,
      headBytes: 109,
      bodyBytes: 7,
    });
  });

  it("may be GET, without a body, and may ask for what is the case anyway", () => {
    const head = read("GET / HTTP/1.1\r\nhost: a\r\nConnection: Keep-Alive\r\n\r\nGET /next");
    assert.ok(head !== "unusual");
    assert.deepEqual([head.method, head.url, head.bodyBytes], ["GET", "/", 0]);
  });

  it("have their common headers read once a connection, and changed ones again", () => {
    const reader = new PlainRequestReader(LIMITS);
    const request = (path: string, header: string): PlainHead => {
      const head = reader.read(Buffer.from(`GET ${path} HTTP/1.1\r\nhost: a\r\nx: ${header}\r\n\r\n`));
      assert.ok(head !== "unusual");
      return head;
    };
    const [first, second, third] = [request("/a", "1"), request("/b", "1"), request("/c", "2")];
    assert.equal(first.headers, second.headers);
    assert.equal(second.url, "/b");
    assert.equal(third.headers["x"], "2");
    assert.ok(Object.isFrozen(first.headers));
  });

  const rows: ReadonlyArray<readonly [what: string, text: string]> = [
    ["another method", "PUT / HTTP/1.1\r\nhost: a\r\n\r\n"],
    ["a method in lower case", "post / HTTP/1.1\r\nhost: a\r\n\r\n"],
    ["HTTP/1.0", "GET / HTTP/1.0\r\nhost: a\r\n\r\n"],
    ["an absolute target", "GET http://a/ HTTP/1.1\r\nhost: a\r\n\r\n"],
    ["a space in the path", "GET /a b HTTP/1.1\r\nhost: a\r\n\r\n"],
    ["two spaces before the path", "GET  /a HTTP/1.1\r\nhost: a\r\n\r\n"],
    ["a path that is not ASCII", "GET /\u00e9 HTTP/1.1\r\nhost: a\r\n\r\n"],
    ["a head that is not complete", "GET / HTTP/1.1\r\nhost: a\r\n"],
    ["a head beyond the limit", `GET / HTTP/1.1\r\nhost: a\r\nx: ${"y".repeat(5000)}\r\n\r\n`],
    ["no headers at all", "GET / HTTP/1.1\r\n\r\n"],
    ["an empty line before the request", "\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n"],
    ["a carriage return alone after the request line", "GET / HTTP/1.1\rhost: a\r\n\r\n"],
    ["a line feed alone between headers", "GET / HTTP/1.1\r\nhost: a\nx: b\r\n\r\n"],
    ["a carriage return alone in a header", "GET / HTTP/1.1\r\nhost: a\rx: b\r\n\r\n"],
    ["NUL in a header", "GET / HTTP/1.1\r\nhost: a\u0000b\r\n\r\n"],
    ["a folded header", "GET / HTTP/1.1\r\nhost: a\r\nx: b\r\n  c\r\n\r\n"],
    ["a space before the colon", "GET / HTTP/1.1\r\nhost : a\r\n\r\n"],
    ["two spaces after the colon", "GET / HTTP/1.1\r\nhost:  a\r\n\r\n"],
    ["a space behind the value", "GET / HTTP/1.1\r\nhost: a \r\n\r\n"],
    ["an empty value", "GET / HTTP/1.1\r\nhost:\r\n\r\n"],
    ["a line without a colon", "GET / HTTP/1.1\r\nhost\r\n\r\n"],
    ["an odd header name", "GET / HTTP/1.1\r\nhost: a\r\n__proto__: b\r\n\r\n"],
    ["the header of which Node makes a list", "GET / HTTP/1.1\r\nhost: a\r\nset-cookie: b\r\n\r\n"],
    ["a header twice", "GET / HTTP/1.1\r\nhost: a\r\nHost: b\r\n\r\n"],
    ["chunks", "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"],
    ["an expectation", "POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 1\r\n\r\n"],
    ["an upgrade", "GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n"],
    ["the wish to close", "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"],
    ["a length with a sign", "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: +1\r\n\r\n"],
    ["a length with a zero before it", "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 01\r\n\r\n"],
    ["a list of lengths", "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1, 1\r\n\r\n"],
    ["two lengths", "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n"],
    ["a body beyond the limit", "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1001\r\n\r\n"],
  ];
  for (const [what, text] of rows) {
    it(`are not what has ${what}`, () => {
      assert.equal(read(text), "unusual");
    });
  }
});

describe("whatever is read as a plain request", () => {
  const seen: unknown[] = [];
  const server = createServer({ requireHostHeader: false }, (req, res) => {
    const { method, url, headers } = req;
    seen.push({ method, url, headers: { ...headers } });
    req.resume();
    res.end();
  });
  before(async () => {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });

  /** What Node's own parser makes of it. */
  async function readByNode(text: string): Promise<unknown> {
    const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
    socket.on("error", () => socket.destroy());
    seen.length = 0;
    socket.end(Buffer.from(text, "latin1"));
    socket.resume();
    await once(socket, "close");
    return seen[0];
  }

  const piece = fc.constantFrom(
    ..."aZ0-_:%/?& \t\r\n\u0000\u007f\u00e9,;".split(""),
    "\r\n",
    "HTTP/1.1",
    "__proto__",
    "constructor",
    "chunked",
    "keep-alive",
  );
  const text = fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join(""));
  const name = fc.oneof(
    fc.constantFrom("host", "Host", "content-length", "connection", "transfer-encoding", "x-a", "x_b", "te"),
    text,
  );
  const separator = fc.constantFrom(": ", ":", ":  ", " : ");
  const value = fc.oneof(fc.constantFrom("localhost", "0", "1", "keep-alive", "close", "a b"), text);
  const anyHeader = fc
    .tuple(name, separator, value, fc.constantFrom("\r\n", "\n", "\r"))
    .map((parts) => parts.join(""));
  const cleanHeader = fc
    .tuple(fc.constantFrom("x-a", "Accept", "content-type"), fc.constantFrom("*/*", "a b", "1;q=0.5"))
    .map(([clean, given]) => `${clean}: ${given}\r\n`);
  const header = fc.oneof({ weight: 3, arbitrary: cleanHeader }, { weight: 1, arbitrary: anyHeader });
  const start = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom("GET /a?b=%20 HTTP/1.1", "POST /Greeter/greet HTTP/1.1") },
    {
      weight: 1,
      arbitrary: fc
        .tuple(
          fc.constantFrom("GET", "POST", "get", "PUT"),
          fc.constantFrom(" ", "  "),
          text,
          fc.constantFrom(" HTTP/1.1", " HTTP/1.0", ""),
        )
        .map(([method, space, path, version]) => `${method}${space}/${path}${version}`),
    },
  );
  const request = fc
    .tuple(start, fc.array(header, { maxLength: 4 }))
    .map(([line, headers]) => `${line}\r\nhost: localhost\r\n${headers.join("")}\r\n`);

  it("means the same to Node's parser", async () => {
    let plain = 0;
    await fc.assert(
      fc.asyncProperty(request, async (bytes) => {
        const head = read(bytes);
        if (head === "unusual") return;
        plain += 1;
        const { method, url, headers } = head;
        assert.deepEqual(await readByNode(`${bytes}${"x".repeat(head.bodyBytes)}`), {
          method,
          url,
          headers: { ...headers },
        });
      }),
      { numRuns: 1_500 },
    );
    assert.ok(plain > 100, `only ${plain} of the generated requests were plain`);
  });
});
