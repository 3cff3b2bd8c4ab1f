import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { after, before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";

import type { HttpHandler } from "./exchange.ts";
import { HttpServer } from "./http-server.ts";
import { ReceiveBudget } from "./receive-budget.ts";
import { readBody } from "./request-body.ts";
import { sendJson } from "./response.ts";

const budget = new ReceiveBudget(1_000_000, "test");

/** Answers with what it understood; "/late" a little later, "/never" not at all. */
const echo: HttpHandler = (req, res) => {
  readBody(
    req,
    { bytesMax: 100_000, name: "test", budget },
    (body) => {
      const { method, url = "" } = req;
      const by = "body" in req ? "plain" : "node";
      const answer = (): void => {
        sendJson(res, 200, { method, url, body: Buffer.from(body).toString(), by });
      };
      const isLate = url.startsWith("/late");
      if (url.startsWith("/never")) res.on("close", () => gone.push(url));
      else if (isLate) setTimeout(answer, 20);
      else answer();
    },
    (error) => {
      assert.fail(error);
    },
  );
};
const gone: string[] = [];

type Echo = { readonly url: string; readonly body: string; readonly by: "plain" | "node" };

function plain(path: string, body = ""): string {
  return `POST ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
}

function chunked(path: string, body: string): string {
  const chunk = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
  return `POST ${path} HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n${chunk}`;
}

describe("a plain connection", () => {
  let server: HttpServer;
  before(async () => {
    server = await start(60_000);
  });
  after(() => server.close());

  async function start(idleTimeoutMs: number, connectionsMax = 100): Promise<HttpServer> {
    return HttpServer.listen({
      bodyBytesMax: 100_000,
      budget,
      handler: echo,
      source: "ingress",
      host: "127.0.0.1",
      port: 0,
      headerBytesMax: 8_192,
      urlBytesMax: 1_024,
      headersMax: 50,
      connectionsMax,
      requestTimeoutMs: 60_000,
      idleTimeoutMs,
      onDefect: (error) => {
        throw error;
      },
    });
  }

  async function open(to = server): Promise<Socket> {
    const socket = connect(to.port, "127.0.0.1");
    socket.setNoDelay(true);
    await once(socket, "connect");
    return socket;
  }

  /** Sends the parts one after the other and reads so many answers. */
  async function exchange(parts: readonly string[], count: number): Promise<Echo[]> {
    const socket = await open();
    const answers = readAnswers(socket, count);
    for (const part of parts) {
      socket.write(Buffer.from(part, "latin1"));
      await delay(parts.length > 1 ? 1 : 0);
    }
    try {
      return await answers;
    } finally {
      socket.destroy();
    }
  }

  async function readAnswers(socket: Socket, count: number): Promise<Echo[]> {
    let text = "";
    const answers: Echo[] = [];
    for await (const chunk of socket) {
      text += String(chunk);
      for (;;) {
        const end = text.indexOf("\r\n\r\n");
        const length = Number(/content-length: (\d+)/i.exec(text.slice(0, end))?.[1] ?? -1);
        if (end < 0 || length < 0 || text.length < end + 4 + length) break;
        assert.match(text, /^HTTP\/1\.1 200 OK\r\n/);
        answers.push(JSON.parse(text.slice(end + 4, end + 4 + length)) as Echo);
        text = text.slice(end + 4 + length);
      }
      if (answers.length >= count) return answers;
    }
    return answers;
  }

  it("answers one request after the other", async () => {
    const answers = await exchange([plain("/a", "1"), plain("/b"), plain("/c", "22")], 3);
    assert.deepEqual(answers, [
      { method: "POST", url: "/a", body: "1", by: "plain" },
      { method: "POST", url: "/b", body: "", by: "plain" },
      { method: "POST", url: "/c", body: "22", by: "plain" },
    ]);
  });

  it("answers what was sent ahead in its order, also when the first takes long", async () => {
    const answers = await exchange(
      [plain("/late", "1") + plain("/b", "2") + plain("/late", "3") + plain("/d")],
      4,
    );
    assert.deepEqual(
      answers.map(({ url, body }) => [url, body]),
      [
        ["/late", "1"],
        ["/b", "2"],
        ["/late", "3"],
        ["/d", ""],
      ],
    );
  });

  it("goes over to Node's parser with the first request that is not plain, and loses nothing", async () => {
    const answers = await exchange(
      [plain("/a", "1") + chunked("/b", "two") + plain("/c", "3") + plain("/d")],
      4,
    );
    assert.deepEqual(
      answers.map(({ url, body, by }) => [url, body, by]),
      [
        ["/a", "1", "plain"],
        ["/b", "two", "node"],
        ["/c", "3", "node"],
        ["/d", "", "node"],
      ],
    );
  });

  it("reads the same requests wherever the stream is cut", async () => {
    const stream =
      plain("/a", "body one") + plain("/late", "b") + chunked("/c", "body three") + plain("/d", "4");
    const expected = [
      ["/a", "body one"],
      ["/late", "b"],
      ["/c", "body three"],
      ["/d", "4"],
    ];
    const cuts = Array.from({ length: stream.length - 1 }, (_, index) => index + 1);
    // A few at a time: each has a connection of its own.
    for (let first = 0; first < cuts.length; first += 16) {
      const runs = cuts.slice(first, first + 16).map(async (cut) => {
        const answers = await exchange([stream.slice(0, cut), stream.slice(cut)], 4);
        assert.deepEqual(
          answers.map(({ url, body }) => [url, body]),
          expected,
          `cut at ${cut}`,
        );
      });
      await Promise.all(runs);
    }
  });

  it("takes a body that comes in many pieces", async () => {
    const body = "x".repeat(90_000);
    const text = plain("/a", body) + plain("/b", "after");
    const parts = Array.from({ length: 10 }, (_, index) => text.slice(index * 10_000, (index + 1) * 10_000));
    const [first, second] = await exchange(parts, 2);
    assert.deepEqual([first?.body.length, first?.by, second?.body], [90_000, "plain", "after"]);
  });

  it("notices that the client has gone while its request is being handled", async () => {
    const socket = await open();
    gone.length = 0;
    socket.write(plain("/never"));
    await delay(20);
    socket.destroy();
    for (let wait = 0; wait < 200 && gone.length === 0; wait++) await delay(5);
    assert.deepEqual(gone, ["/never"]);
  });

  it("does not read without bound what a client sends ahead", async () => {
    const socket = await open();
    socket.on("error", () => {});
    socket.write(plain("/never"));
    let written = 0;
    const chunk = Buffer.alloc(64 * 1024, "x");
    // Until the kernel's buffers are full too.
    while (socket.writableLength < 1024 * 1024 && written < 64 * 1024 * 1024) {
      socket.write(chunk);
      written += chunk.length;
      await delay(0);
    }
    assert.ok(written < 64 * 1024 * 1024, "everything was read");
    socket.destroy();
  });

  it("ends idle connections when they have been idle for long, and when the server closes", async () => {
    const short = await start(10);
    const idle = await open(short);
    idle.write(plain("/a"));
    await once(idle, "data");
    await once(idle, "close");
    const other = await open(short);
    const closed = once(other, "close");
    await short.close();
    await closed;
  });

  it("ends the connection of a client that was refused, also when that keeps its side open", async () => {
    const crowded = await start(60_000, 1);
    const first = await open(crowded);
    first.write(plain("/a"));
    await once(first, "data");
    const second = connect({ port: crowded.port, host: "127.0.0.1", allowHalfOpen: true });
    second.write(plain("/b"));
    let text = "";
    for await (const chunk of second) text += String(chunk);
    assert.match(text, /^HTTP\/1\.1 \d+ .*\r\n[^]*Connection: close/);
    // The server's side is gone altogether: what is still written to it is answered with a reset.
    const reset = once(second, "error");
    for (let count = 0; count < 100 && !second.destroyed; count++) {
      second.write("x");
      await delay(5);
    }
    const [error] = (await reset) as [NodeJS.ErrnoException];
    assert.match(error.code ?? "", /ECONNRESET|EPIPE/);
    first.destroy();
    await crowded.close();
  });

  it("gives a request that is under way its answer when the server closes, and then ends", async () => {
    const closing = await start(60_000);
    const socket = await open(closing);
    socket.write(plain("/late", "1"));
    await delay(5);
    const closed = closing.close(5_000);
    let text = "";
    for await (const chunk of socket) text += String(chunk);
    await closed;
    assert.match(text, /Connection: close/);
    assert.match(text, /"url":"\/late"/);
  });
});
