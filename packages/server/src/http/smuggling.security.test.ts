/**
 * One request in is one request seen. Each attempt hides a second request where a lenient reader would find it; it is tried
 * on a fresh connection, where the plain reader comes first, and on one that Node's parser has already taken over.
 */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";

import { listenOptions, settings } from "../ingress/ingress-rig.ts";
import { HttpServer } from "./http-server.ts";
import { answersIn, exchangeRaw } from "./raw-http.contract.ts";
import { readBody } from "./request-body.ts";
import { sendError, sendJson } from "./response.ts";

type Seen = { readonly method: string; readonly url: string; readonly body: string };

let server: HttpServer;
let seen: Seen[];

before(async () => {
  server = await HttpServer.listen(
    listenOptions((req, res) => {
      const { method = "", url = "" } = req;
      readBody(
        req,
        { bytesMax: 10_000, name: "ingress.bodyBytesMax", budget: settings.budget },
        (body) => {
          seen.push({ method, url, body: Buffer.from(body).toString("latin1") });
          sendJson(res, 200, null);
        },
        (error) => sendError(res, error, "ingress", (defect) => assert.fail(String(defect))),
      );
    }),
  );
});
after(() => server.close());
/** To be called in each suite: hooks outside of one would serve the tests of every file. */
function freshForEachTest(): void {
  beforeEach(() => {
    seen = [];
  });
}

const HIDDEN = "GET /hidden HTTP/1.1\r\nHost: localhost\r\n\r\n";
const HIDDEN_HEX = HIDDEN.length.toString(16);
const POST = "POST /a HTTP/1.1\r\nHost: localhost\r\n";
const GET = "GET /a HTTP/1.1\r\nHost: localhost\r\n";
const CHUNKED = "Transfer-Encoding: chunked\r\n";
/** Hands the connection to Node's parser, and is answered by itself. */
const UNUSUAL = "GET /unusual HTTP/1.1\r\nHost: localhost\r\nX-Empty:\r\n\r\n";

/** `one`: the whole is one request, the hidden one is its body. `refused`: nothing of it is a request. */
type Attempt = readonly [what: string, bytes: string, outcome: "one" | "refused"];

const lengths: readonly Attempt[] = [
  ["length and chunks", `${POST}Content-Length: 4\r\n${CHUNKED}\r\n0\r\n\r\n${HIDDEN}`, "refused"],
  [
    "chunks and length",
    `${POST}${CHUNKED}Content-Length: ${HIDDEN.length + 5}\r\n\r\n0\r\n\r\n${HIDDEN}`,
    "refused",
  ],
  ["two lengths", `${POST}Content-Length: 0\r\nContent-Length: ${HIDDEN.length}\r\n\r\n${HIDDEN}`, "refused"],
  [
    "the same length twice",
    `${POST}Content-Length: ${HIDDEN.length}\r\nContent-Length: ${HIDDEN.length}\r\n\r\n${HIDDEN}`,
    "refused",
  ],
  ...[
    "+0",
    "-0",
    "-1",
    "0x0",
    "0x2a",
    "1_0",
    "0, 0",
    "0,42",
    "1e1",
    "0.0",
    " 0 0",
    "",
    "\t",
    "\u000b0",
    "NaN",
    "9".repeat(30),
    "\u00b2",
  ].map((length): Attempt => [
    `the length "${length}"`,
    `${POST}Content-Length: ${length}\r\n\r\n${HIDDEN}`,
    "refused",
  ]),
  ["a length in a GET", `${GET}Content-Length: ${HIDDEN.length}\r\n\r\n${HIDDEN}`, "one"],
  ["a length with a zero before it", `${POST}Content-Length: 0${HIDDEN.length}\r\n\r\n${HIDDEN}`, "one"],
  ["a length with spaces around it", `${POST}Content-Length:  ${HIDDEN.length} \r\n\r\n${HIDDEN}`, "one"],
  [
    "a length in a name like it",
    `${POST}Content-Length: ${HIDDEN.length}\r\nX-Content-Length: 0\r\n\r\n${HIDDEN}`,
    "one",
  ],
];

const encodings: readonly Attempt[] = [
  ...[
    "identity",
    "gzip",
    "chunked, identity",
    "identity, chunked, gzip",
    "xchunked",
    "chunked;q=1",
    "cow",
    '"chunked"',
    "chunke",
    "\u000bchunked",
    "chunked\u0000",
  ].map((encoding): Attempt => [
    `the encoding "${encoding}"`,
    `${POST}Transfer-Encoding: ${encoding}\r\n\r\n0\r\n\r\n${HIDDEN}`,
    "refused",
  ]),
  [
    "an encoding and a length that is for the other",
    `${POST}Content-Length: 5\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${HIDDEN}`,
    "refused",
  ],
  [
    "an encoding after a space",
    `${POST}Content-Length: 5\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n${HIDDEN}`,
    "refused",
  ],
  [
    "an encoding after a line feed",
    `${POST}Content-Length: 5\r\nX: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${HIDDEN}`,
    "refused",
  ],
  [
    "an encoding on a folded line",
    `${POST}Content-Length: 5\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n${HIDDEN}`,
    "refused",
  ],
  [
    "an encoding on a folded line of another header",
    `${POST}Content-Length: 5\r\nX: y\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n${HIDDEN}`,
    "refused",
  ],
  [
    "an encoding with a line before it",
    `${POST}Content-Length: 5\r\nX: y\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${HIDDEN}`,
    "refused",
  ],
  ["two encodings", `${POST}${CHUNKED}Transfer-Encoding: identity\r\n\r\n0\r\n\r\n${HIDDEN}`, "refused"],
  [
    "chunks in HTTP/1.0",
    `POST /a HTTP/1.0\r\nHost: localhost\r\nContent-Length: 5\r\n${CHUNKED}\r\n0\r\n\r\n${HIDDEN}`,
    "refused",
  ],
  ["the body in one chunk", `${POST}${CHUNKED}\r\n${HIDDEN_HEX}\r\n${HIDDEN}\r\n0\r\n\r\n`, "one"],
  [
    "the body in one chunk, in other letters",
    `${POST}tRANSFER-eNCODING: CHUNKED\r\n\r\n${HIDDEN_HEX}\r\n${HIDDEN}\r\n0\r\n\r\n`,
    "one",
  ],
  ["the body behind an extension", `${POST}${CHUNKED}\r\n${HIDDEN_HEX};a=b\r\n${HIDDEN}\r\n0\r\n\r\n`, "one"],
];

const chunks: readonly Attempt[] = [
  ...["+0", "-0", "0x0", "0_0", " 0", "0 ", "", "\t0", "g", "1 0", "f".repeat(17), "0;\n", "0\n"].map(
    (size): Attempt => [
      `the chunk size "${size}"`,
      `${POST}${CHUNKED}\r\n${size}\r\n\r\n${HIDDEN}`,
      "refused",
    ],
  ),
  ["a chunk extension with a line feed", `${POST}${CHUNKED}\r\n1;a\nb\r\nx\r\n0\r\n\r\n${HIDDEN}`, "refused"],
  [
    "a chunk extension with a carriage return",
    `${POST}${CHUNKED}\r\n1;a\rb\r\nx\r\n0\r\n\r\n${HIDDEN}`,
    "refused",
  ],
  [
    "a chunk extension with a line in quotes",
    `${POST}${CHUNKED}\r\n1;a="\n"\r\nx\r\n0\r\n\r\n${HIDDEN}`,
    "refused",
  ],
  ["a chunk that is longer than it says", `${POST}${CHUNKED}\r\n1\r\nxy\r\n0\r\n\r\n${HIDDEN}`, "refused"],
  ["a chunk that ends with something else", `${POST}${CHUNKED}\r\n1\r\nxXX0\r\n\r\n${HIDDEN}`, "refused"],
  ["chunks that end with a line feed", `${POST}${CHUNKED}\r\n1\nx\n0\n\n${HIDDEN}`, "refused"],
];

const lines: readonly Attempt[] = [
  ["a space before a colon", `${POST}Content-Length : ${HIDDEN.length}\r\n\r\n${HIDDEN}`, "refused"],
  ["a tab before a colon", `${POST}Content-Length\t: ${HIDDEN.length}\r\n\r\n${HIDDEN}`, "refused"],
  ["a space before a name", `${POST} Content-Length: ${HIDDEN.length}\r\n\r\n${HIDDEN}`, "refused"],
  ["NUL in a name", `${POST}Content-Length\u0000: ${HIDDEN.length}\r\n\r\n${HIDDEN}`, "refused"],
  ["NUL in a value", `${POST}X: \u0000\r\n\r\n${HIDDEN}`, "refused"],
  ["a carriage return in a value", `${POST}X: a\rb\r\n\r\n${HIDDEN}`, "refused"],
  ["a head that ends with line feeds", `${POST}X: a\n\n${HIDDEN}`, "refused"],
  ["a head that ends with carriage returns", `${POST}X: a\r\r${HIDDEN}`, "refused"],
  ["a head that ends with half a line break", `${POST}X: a\r\n\rX: ${HIDDEN}`, "refused"],
  ["no colon", `${POST}Content-Length\r\n\r\n${HIDDEN}`, "refused"],
  ["no name", `${POST}: 5\r\n\r\n${HIDDEN}`, "refused"],
  ["a name with a slash", `${POST}Content/Length: 5\r\n\r\n${HIDDEN}`, "refused"],
  ["a line break in the target", `GET /a\r\nX: y HTTP/1.1\r\nHost: localhost\r\n\r\n${HIDDEN}`, "refused"],
  ["a space in the target", `GET /a b HTTP/1.1\r\nHost: localhost\r\n\r\n${HIDDEN}`, "refused"],
  ["no version", `GET /a\r\n\r\n${HIDDEN}`, "refused"],
  ["another version", `GET /a HTTP/1.2\r\nHost: localhost\r\n\r\n${HIDDEN}`, "refused"],
  ["a version of the next world", `GET /a HTTP/2.0\r\nHost: localhost\r\n\r\n${HIDDEN}`, "refused"],
  ["a method with a space before it", ` GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n${HIDDEN}`, "refused"],
  [
    "an upgrade",
    `${GET}Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: ${HIDDEN.length}\r\n\r\n${HIDDEN}`,
    "one",
  ],
];

async function attempt(
  bytes: string,
): Promise<{ readonly seen: readonly Seen[]; readonly statuses: readonly number[] }> {
  seen = [];
  const statuses = answersIn(await exchangeRaw(server.port, bytes, 15)).map(({ status }) => status);
  return { seen: seen.filter(({ url }) => url !== "/unusual"), statuses };
}

for (const [about, attempts] of Object.entries({ lengths, encodings, chunks, lines })) {
  describe(`smuggling by ${about}`, () => {
    freshForEachTest();
    for (const [what, bytes, outcome] of attempts) {
      it(`with ${what}: ${outcome}`, async () => {
        const fresh = await attempt(bytes);
        assert.ok(!fresh.seen.some(({ url }) => url === "/hidden"), "the hidden request was seen");
        if (outcome === "one") {
          assert.deepEqual(
            fresh.seen.map(({ url, body }) => [url, body]),
            [["/a", HIDDEN]],
          );
        } else {
          // Told so, and not read on: what would come next has no meaning any more.
          assert.ok(
            fresh.statuses.every((status) => status >= 400),
            String(fresh.statuses),
          );
          assert.ok(fresh.statuses.length <= 1 && fresh.seen.length === 0);
        }
        const taken = await attempt(UNUSUAL + bytes);
        assert.deepEqual(taken.seen, fresh.seen, "both readers see the same");
      });
    }
  });
}

describe("requests that follow each other", () => {
  freshForEachTest();
  it("are all seen, in their order, whoever reads them", async () => {
    const plain = (n: number): string =>
      `POST /p${n} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\n${n}`;
    const chunked = (n: number): string =>
      `POST /c${n} HTTP/1.1\r\nHost: localhost\r\n${CHUNKED}\r\n1\r\n${n}\r\n0\r\n\r\n`;
    const { seen: all } = await attempt([plain(1), plain(2), chunked(3), plain(4), chunked(5)].join(""));
    assert.deepEqual(
      all.map(({ url, body }) => url + body),
      ["/p11", "/p22", "/c33", "/p44", "/c55"],
    );
  });
});
