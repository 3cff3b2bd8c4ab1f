/** What a caller, a handler or a journal put into a header of an answer cannot become a header or an answer of its own. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { HoldfastError } from "@holdfast/protocol";
import fc from "fast-check";

import { IngressRig } from "../ingress/ingress-rig.ts";
import { PlainResponse } from "./plain-response.ts";
import { answersIn, exchangeRaw } from "./raw-http.contract.ts";
import { rawProblemResponse } from "./response.ts";

const piece = fc.constantFrom(
  "a",
  " ",
  "\t",
  "\r",
  "\n",
  "\r\n",
  "\r\n\r\n",
  "\u0000",
  "\u007f",
  "\u2028",
  "\u010a",
  "é",
  "x: y",
  "HTTP/1.1 200 OK",
);
const anyText = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.array(piece).map((pieces) => pieces.join("")),
);

function responseWith(value: string): string | undefined {
  let sent = "";
  const sink = {
    isOpen: true,
    send: (bytes: Uint8Array) => void (sent = Buffer.from(bytes).toString("latin1")),
  };
  const response = new PlainResponse(sink, 5, () => 0);
  response.writeHead(200, ["x-value", value, "x-next", "1"]);
  try {
    response.end("{}");
  } catch {
    return undefined;
  }
  return sent;
}

describe("a header of an answer", () => {
  it("is one line with its value as it is, or no answer is sent", () => {
    let refused = 0;
    fc.assert(
      fc.property(anyText, (value) => {
        const sent = responseWith(value);
        if (sent === undefined) {
          refused += 1;
          return;
        }
        const [head = "", ...bodies] = sent.split("\r\n\r\n");
        const names = head.split(/[\r\n]+/).map((line) => line.split(":", 1)[0]);
        assert.deepEqual(names.slice(0, 4), ["HTTP/1.1 200 OK", "x-value", "x-next", "content-length"]);
        assert.deepEqual(bodies, ["{}"]);
        assert.ok(sent.includes(`\r\nx-value: ${value}\r\n`));
      }),
      { numRuns: 2_000 },
    );
    assert.ok(refused > 100, `${refused}`);
  });

  it("is never made of an error's text", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const raw = rawProblemResponse(new HoldfastError("request-malformed", { reason: text }), "ingress");
        const [answer, ...more] = answersIn(Buffer.from(raw).toString("latin1"));
        assert.deepEqual(more, []);
        assert.equal(answer?.head.split("\r\n").length, 5);
      }),
    );
  });
});

describe("what callers send and get back", () => {
  it("stays in the body, whatever is in it", async (t) => {
    const rig = await IngressRig.start();
    t.after(() => rig.close());
    const tricks = [
      "%0d%0aX-Evil:%201",
      "%0d%0a%0d%0aHTTP/1.1%20200%20OK",
      "%00",
      "%e2%80%a8X-Evil:1",
      "\u00e9\u00e8",
      "a%0aX-Evil:1",
    ];
    for (const trick of tricks) {
      const requests = [
        `GET /${trick}/greet HTTP/1.1\r\nHost: localhost\r\n\r\n`,
        `GET /Counter/${trick}/get HTTP/1.1\r\nHost: localhost\r\n\r\n`,
        `GET /restate/output/${trick} HTTP/1.1\r\nHost: localhost\r\n\r\n`,
        `GET /restate/invocation/Greeter/greet/${trick}/output HTTP/1.1\r\nHost: localhost\r\n\r\n`,
        `POST /Greeter/echo HTTP/1.1\r\nHost: localhost\r\nIdempotency-Key: ${trick}\r\nContent-Length: 0\r\n\r\n`,
        `POST /Greeter/echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${trick}\r\nContent-Length: 1\r\n\r\n1`,
        `GET /Greeter/greet?delay=${trick} HTTP/1.1\r\nHost: localhost\r\n\r\n`,
        `OPTIONS /Greeter/greet HTTP/1.1\r\nHost: localhost\r\nOrigin: ${trick}\r\n\r\n`,
      ];
      for (const request of requests) {
        const received = await exchangeRaw(rig.server.port, request, 10);
        const answers = answersIn(received);
        assert.equal(answers.length, 1, received);
        assert.doesNotMatch(answers[0]?.head ?? "", /evil/i);
      }
    }
  });

  it("reaches handlers as they sent it, without hop-by-hop headers, credentials and what is the server's to say", async (t) => {
    const rig = await IngressRig.start(() => ({
      storedHeaders: ["x-*", "connection", "te", "upgrade", "host"],
    }));
    t.after(() => rig.close());
    const lines = [
      "POST /Greeter/echo HTTP/1.1",
      "Host: localhost",
      "Connection: keep-alive, x-hop",
      "X-Hop: 1",
      "TE: trailers",
      "Keep-Alive: timeout=5",
      "Proxy-Authorization: Basic x",
      "Authorization: Bearer x",
      "Cookie: a=b",
      "X-Restate-Id: inv_1",
      "X-Holdfast-Principal: root",
      "X-Fine: a\tb",
      "Content-Length: 0",
    ];
    const received = await exchangeRaw(rig.server.port, `${lines.join("\r\n")}\r\n\r\n`, 30);
    assert.equal(answersIn(received)[0]?.status, 200);
    const record = rig.engine.proposed.findLast(({ kind }) => kind === "invoke");
    assert.ok(record?.kind === "invoke");
    const input = Buffer.from(record.input).toString("latin1");
    assert.match(input, /x-fine/);
    for (const name of [
      "x-hop",
      "connection",
      "keep-alive",
      "trailers",
      "authorization",
      "cookie",
      "x-restate-id",
      "x-holdfast",
    ]) {
      assert.ok(!input.includes(name), name);
    }
  });
});
