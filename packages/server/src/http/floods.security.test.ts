/** Callers that send too much, too slowly, or in too many pieces. The server keeps its memory, and goes on serving others. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterEach, beforeEach, describe, it } from "node:test";

import { AdminRig } from "../admin/admin-rig.ts";
import { assertProblem, IngressRig, settings, until } from "../ingress/ingress-rig.ts";
import { answersIn, exchangeRaw } from "./raw-http.contract.ts";
import { CHUNK_ROOM_BYTES } from "./receive-budget.ts";

const MIB = 1024 * 1024;
/** What the process may grow by during an attack that sends many times as much. */
const GROWTH_MAX = 200 * MIB;

let rig: IngressRig;
let sockets: Socket[];
let residentBefore: number;

/** To be called in each suite: hooks outside of one would serve the tests of every file. */
function freshForEachTest(): void {
  beforeEach(async () => {
    rig = await IngressRig.start();
    sockets = [];
    residentBefore = process.memoryUsage.rss();
  });
  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    await rig.close();
  });
}

async function open(): Promise<Socket> {
  const socket = connect(rig.server.port, "127.0.0.1");
  socket.on("error", () => socket.destroy());
  sockets.push(socket);
  await once(socket, "connect");
  return socket;
}

/** Another caller, in the middle of it. */
async function assertServesOthers(): Promise<void> {
  const answer = await rig.request("/Greeter/greet", {
    json: { name: "Ada" },
    signal: AbortSignal.timeout(5_000),
  });
  assert.equal(answer.json, "hello Ada");
}

function assertMemoryKept(): void {
  const growth = process.memoryUsage.rss() - residentBefore;
  assert.ok(growth < GROWTH_MAX, `the process grew by ${Math.round(growth / MIB)} MiB`);
}

/** Status of the first answer; "cut off" when the connection was reset before it could be read. */
function answerOn(socket: Socket): Promise<number | "cut off"> {
  return new Promise((resolve) => {
    socket.once("data", (chunk: Buffer) => {
      const status = /^HTTP\/1\.1 (\d{3}) /.exec(chunk.toString("latin1"))?.[1];
      resolve(Number(status));
    });
    socket.once("close", () => resolve("cut off"));
  });
}

/** A client that goes on writing may find its connection reset before it reads why. */
async function assertRefused(
  answered: Promise<number | "cut off">,
  ...statuses: readonly number[]
): Promise<void> {
  const answer = await answered;
  assert.ok(answer === "cut off" || statuses.includes(answer), String(answer));
}

/** Writes all of `piece` over and over until `count` are out or the server hangs up, as fast as it reads. */
async function pour(socket: Socket, piece: string, count: number): Promise<number> {
  const bytes = Buffer.from(piece, "latin1");
  let written = 0;
  while (written < count && !socket.destroyed) {
    written += 1;
    if (socket.write(bytes)) continue;
    await new Promise<void>((resolve) => {
      const goOn = (): void => {
        socket.off("drain", goOn).off("close", goOn);
        resolve();
      };
      socket.on("drain", goOn).on("close", goOn);
    });
  }
  return written;
}

const HEAD = "POST /Greeter/echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";

describe("a caller that sends", { concurrency: false }, () => {
  freshForEachTest();
  it("100,000 headers is refused long before the last", async () => {
    const socket = await open();
    socket.write("GET /Greeter/echo HTTP/1.1\r\nHost: localhost\r\n");
    const answered = answerOn(socket);
    await pour(socket, "X-A: 1\r\n".repeat(100), 1_000);
    await assertRefused(answered, 431);
    await assertServesOthers();
    assertMemoryKept();
  });

  it("a header, a URL or a query without end is refused", async () => {
    for (const [start, status] of [
      ["GET /Greeter/echo HTTP/1.1\r\nHost: localhost\r\nX-A: ", 431],
      ["GET /Greeter/echo/", 431],
      ["GET /Greeter/echo?", 431],
    ] as const) {
      const socket = await open();
      const answered = answerOn(socket);
      socket.write(start);
      await pour(socket, "x".repeat(65_536), 200);
      await assertRefused(answered, status);
    }
    const long = `GET /Greeter/${"x".repeat(13_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
    assert.equal(answersIn(await exchangeRaw(rig.server.port, long))[0]?.status, 414);
    await assertServesOthers();
    assertMemoryKept();
  });

  it("a million tiny chunks is cut off when they take too much room", async () => {
    const socket = await open();
    const answered = answerOn(socket);
    socket.write(`${HEAD}Transfer-Encoding: chunked\r\n\r\n`);
    await pour(socket, "1\r\n1\r\n".repeat(1_000), 1_000);
    await assertRefused(answered, 429);
    await assertServesOthers();
    assertMemoryKept();
  });

  it("chunk extensions without end is refused", async () => {
    const socket = await open();
    const answered = answerOn(socket);
    socket.write(`${HEAD}Transfer-Encoding: chunked\r\n\r\n1;`);
    await pour(socket, "x".repeat(65_536), 200);
    await assertRefused(answered, 400, 413);
    await assertServesOthers();
  });

  it("requests ahead of their answers waits for them, and is not read beyond a bound", async () => {
    const socket = await open();
    socket.pause();
    const waiting = "POST /Greeter/hang HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n";
    socket.write(waiting);
    const poured = pour(socket, waiting.repeat(1_000), 1_000);
    await until(() => rig.engine.proposed.some((record) => record.kind === "invoke"));
    await assertServesOthers();
    const hanging = rig.engine.proposed.filter(
      (record) => record.kind === "invoke" && record.target.handler === "hang",
    );
    assert.equal(hanging.length, 1, "one at a time");
    assertMemoryKept();
    socket.destroy();
    await poured;
  });

  it("10,000 requests ahead of their answers that it does not read costs no more than itself", async () => {
    const socket = await open();
    socket.pause();
    const poured = pour(socket, `${HEAD}Content-Length: 5000\r\n\r\n"${"x".repeat(4_998)}"`, 10_000);
    for (let n = 0; n < 10; n++) await assertServesOthers();
    assertMemoryKept();
    socket.destroy();
    await poured;
  });
});

describe("a body", () => {
  freshForEachTest();
  it("that is nested a hundred thousand deep is refused, by ingress and admin, without a stack overflow", async () => {
    const deep = "[".repeat(30_000) + "]".repeat(30_000);
    assertProblem(
      await rig.request("/Greeter/echo", { body: deep, headers: { "content-type": "application/json" } }),
      400,
      "body-invalid-json",
    );
    const objects = `${'{"a":'.repeat(9_000)}1${"}".repeat(9_000)}`;
    assertProblem(
      await rig.request("/Greeter/greet", { body: objects, headers: { "content-type": "application/json" } }),
      400,
      "body-invalid-json",
    );
    const admin = await AdminRig.start();
    const answer = await admin.send("POST", "/deployments", undefined, {
      body: deep,
      headers: { "content-type": "application/json" },
    });
    await admin.close();
    assertProblem(answer, 400, "request-invalid", "admin");
    await assertServesOthers();
  });

  it("with very many keys is taken for what it is, in time that grows with its size only", async () => {
    const keys = (count: number): string =>
      `{${Array.from({ length: count }, (_, n) => `"k${n.toString(36)}":0`).join(",")}}`;
    const answer = await rig.request("/Greeter/echo", {
      body: keys(5_000),
      headers: { "content-type": "application/json" },
    });
    assert.equal(answer.status, 200);
    const admin = await AdminRig.start();
    const refused = await admin.send("POST", "/deployments", undefined, {
      body: keys(5_000),
      headers: { "content-type": "application/json" },
    });
    await admin.close();
    assertProblem(refused, 400, "request-invalid", "admin");
    await assertServesOthers();
  });

  for (const encoding of [
    "gzip",
    "deflate",
    "br",
    "zstd",
    "compress",
    "gzip, gzip",
    "x-gzip",
    "GZIP",
    "identity, gzip",
  ]) {
    it(`that is compressed with "${encoding}" is never unpacked, so no bomb can be in it`, async () => {
      for (const chunked of [false, true]) {
        const framing = chunked
          ? "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"
          : "Content-Length: 1\r\n\r\nx";
        const received = await exchangeRaw(
          rig.server.port,
          `${HEAD}Content-Encoding: ${encoding}\r\n${framing}`,
          20,
        );
        assert.equal(answersIn(received)[0]?.status, 415);
      }
      assert.ok(!rig.engine.proposed.some(({ kind }) => kind === "invoke"));
    });
  }

  it("beyond the limit is refused by what it says to be, and by what it is", async () => {
    const said = await exchangeRaw(rig.server.port, `${HEAD}Content-Length: 70000\r\n\r\n`, 20);
    assert.equal(answersIn(said)[0]?.status, 413);
    const huge = await exchangeRaw(
      rig.server.port,
      `${HEAD}Content-Length: 99999999999999999999\r\n\r\n`,
      20,
    );
    assert.equal(answersIn(huge)[0]?.status, 400);
  });
});

describe("bodies that many callers send at a time", () => {
  freshForEachTest();
  const framings: ReadonlyArray<readonly [what: string, head: string, part: string]> = [
    ["with a length", `${HEAD}Content-Length: 60000\r\n\r\n`, "1".repeat(50_000)],
    ["in chunks", `${HEAD}Transfer-Encoding: chunked\r\n\r\n`, `c350\r\n${"1".repeat(50_000)}\r\n`],
  ];
  for (const [what, head, part] of framings) {
    it(`${what} have a bound together, and give their room back when they end or go`, async () => {
      const many = await Promise.all(Array.from({ length: 30 }, open));
      const answers = many.map(answerOn);
      for (const socket of many) socket.write(head + part);
      // A mebibyte has room for twenty of them.
      const first = await Promise.race(answers);
      assert.equal(first, 429);
      assert.ok(settings.budget.bytes <= MIB);
      await assertServesOthers();
      for (const socket of many) socket.destroy();
      await until(() => settings.budget.bytes === 0);
    });
  }

  it("in tiny chunks have a bound of their own, as each chunk takes more room than its bytes", async () => {
    const socket = await open();
    const answer = answerOn(socket);
    socket.write(`${HEAD}Transfer-Encoding: chunked\r\n\r\n${"1\r\n1\r\n".repeat(5_000)}`);
    assert.equal(await answer, 429);
    socket.destroy();
    await until(() => settings.budget.bytes === 0);
  });

  it("count a piece that came alone with what it takes to hold it", async () => {
    const socket = await open();
    socket.write(`${HEAD}Content-Length: 60000\r\n\r\n`);
    socket.write("1");
    await until(() => settings.budget.bytes > 0);
    assert.equal(settings.budget.bytes, 1 + CHUNK_ROOM_BYTES);
    socket.destroy();
    await until(() => settings.budget.bytes === 0);
  });

  it("are not bound by what callers say that they will send", async () => {
    const many = await Promise.all(Array.from({ length: 30 }, open));
    for (const socket of many) socket.write(`${HEAD}Content-Length: 60000\r\n\r\n`);
    await assertServesOthers();
    assert.equal((await rig.request("/Greeter/echo", { json: "x".repeat(60_000) })).status, 200);
    assert.equal(settings.budget.bytes, 0);
  });
});

describe("a caller that is slow", () => {
  freshForEachTest();
  /** How each of many connections begins; what follows never comes, or a byte at a time. */
  const beginnings: ReadonlyArray<readonly [what: string, bytes: string, drip: string]> = [
    ["with its headers", "GET /Greeter/echo HTTP/1.1\r\nHost: localhost\r\n", "X"],
    ["with its first line", "GET /Gree", "x"],
    ["with its body", `${HEAD}Content-Length: 10000\r\n\r\n`, "1"],
    ["with its chunks", `${HEAD}Transfer-Encoding: chunked\r\n\r\n`, "0"],
    ["with everything", "", ""],
  ];
  for (const [what, bytes, drip] of beginnings) {
    it(`${what} loses its connection after a while, and keeps no others from being served`, async () => {
      const slow = await Promise.all(Array.from({ length: 20 }, open));
      const closed = Promise.all(slow.map((socket) => once(socket.resume(), "close")));
      for (const socket of slow) if (bytes !== "") socket.write(bytes);
      // Slower than anybody, but never silent.
      const dripping = setInterval(() => {
        for (const socket of slow) if (drip !== "" && socket.writable) socket.write(drip);
      }, 100);
      await assertServesOthers();
      await closed;
      clearInterval(dripping);
      await assertServesOthers();
    });
  }

  it("in great number is told that there are too many, while those that were there go on", async () => {
    const friend = await open();
    await Promise.all(Array.from({ length: 49 }, open));
    const refused = await exchangeRaw(
      rig.server.port,
      "GET /restate/health HTTP/1.1\r\nHost: localhost\r\n\r\n",
      20,
    );
    assert.equal(answersIn(refused)[0]?.status, 429);
    friend.write("GET /restate/health HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert.match(String((await once(friend, "data"))[0]), /^HTTP\/1\.1 200 /);
  });
});
