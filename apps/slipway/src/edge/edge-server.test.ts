import assert from "node:assert/strict";
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import { afterEach, beforeEach, describe, it } from "node:test";

import type { DesiredInstances, Instance, Region } from "../ports/region.ts";
import { fetchPage } from "../testing/slipway-process.ts";
import { EdgeServer } from "./edge-server.ts";

const HOST = "shop.localhost";

/** A region whose instances are servers of the test. */
class ServedRegion implements Region {
  readonly name: string;
  instances: Instance[] = [];

  constructor(name: string) {
    this.name = name;
  }

  serve(deployment: string, port: number): void {
    this.instances.push({ deployment, status: "healthy", address: { host: "127.0.0.1", port }, restarts: 0 });
  }

  apply(_desired: DesiredInstances): void {
    throw new Error("not part of these tests");
  }

  whenHealthy(): Promise<never> {
    throw new Error("not part of these tests");
  }

  whenStopped(): Promise<void> {
    return Promise.resolve();
  }

  list(): readonly Instance[] {
    return this.instances;
  }
}

describe("the edge", () => {
  const servers: Server[] = [];
  let fra: ServedRegion;
  let iad: ServedRegion;
  let edge: EdgeServer;
  let port = 0;

  beforeEach(async () => {
    fra = new ServedRegion("fra");
    iad = new ServedRegion("iad");
    edge = new EdgeServer([fra, iad]);
    port = await edge.listen(0);
  });
  afterEach(async () => {
    await edge.close();
    for (const server of servers.splice(0)) {
      server.close();
      server.closeAllConnections();
    }
  });

  /** An application. Returns its port. */
  async function serve(
    handle: (request: IncomingMessage, response: ServerResponse) => void,
  ): Promise<number> {
    const server = createServer(handle);
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return (server.address() as AddressInfo).port;
  }

  /** A port that nobody listens on. */
  async function deadPort(): Promise<number> {
    const dead = await serve(() => undefined);
    await new Promise((resolve) => servers.pop()?.close(resolve));
    return dead;
  }

  const route = (deployment: string | undefined, version: number): void =>
    edge.route(HOST, { deployment, version });

  it("tells applications apart by their host name, and regions take turns", async () => {
    fra.serve("shop-1", await serve((_, response) => response.end("fra")));
    iad.serve("shop-1", await serve((_, response) => response.end("iad")));
    fra.serve("blog-1", await serve((_, response) => response.end("blog")));
    route("shop-1", 1);
    edge.route("blog.localhost", { deployment: "blog-1", version: 1 });

    const bodies = [await fetchPage(port, HOST), await fetchPage(port, HOST)].map(({ body }) => body);
    assert.deepEqual(new Set(bodies), new Set(["fra", "iad"]));
    const blog = await fetchPage(port, "BLOG.localhost");
    assert.equal(blog.body, "blog");
    assert.equal(blog.headers["x-slipway-region"], "fra");
    assert.equal(blog.headers["x-slipway-deployment"], "blog-1");
  });

  it("follows switches, and ignores news that is older than what it knows", async () => {
    fra.serve("shop-1", await serve((_, response) => response.end("one")));
    fra.serve("shop-2", await serve((_, response) => response.end("two")));
    route("shop-2", 2);
    route("shop-1", 1);
    assert.equal((await fetchPage(port, HOST)).body, "two");
    route("shop-1", 3);
    assert.equal((await fetchPage(port, HOST)).body, "one");
  });

  it("says what is wrong when there is nothing to ask", async () => {
    const unknown = await fetchPage(port, "gone.localhost");
    assert.equal(unknown.status, 404);
    assert.match(unknown.body, /Nothing is deployed at gone\.localhost/);

    route("shop-1", 1);
    fra.instances.push({ deployment: "shop-1", status: "restarting", address: undefined, restarts: 4 });
    const down = await fetchPage(port, HOST);
    assert.equal(down.status, 503);
    assert.equal(down.headers["x-slipway-error"], "no_healthy_instance");
    assert.match(down.body, /fra: restarting, iad: nothing runs/);

    const index = await fetchPage(port, "localhost");
    assert.equal(index.status, 200);
    assert.match(index.body, new RegExp(`http://shop\\.localhost:${port}/`));
    assert.doesNotMatch((await fetchPage(port, "<b>.localhost")).body, /<b>/);
  });

  it("asks the other region when one does not answer", async () => {
    fra.serve("shop-1", await deadPort());
    iad.serve("shop-1", await serve((_, response) => response.end("iad")));
    route("shop-1", 1);
    for (let visits = 0; visits < 4; visits++) assert.equal((await fetchPage(port, HOST)).body, "iad");
  });

  it("does not repeat what might have had an effect", async () => {
    let orders = 0;
    for (const region of [fra, iad]) {
      region.serve(
        "shop-1",
        await serve((request) => {
          orders += 1;
          request.socket.destroy();
        }),
      );
    }
    route("shop-1", 1);
    const { status, body } = await post("/order", "one boat");
    assert.equal(status, 502);
    assert.match(body, /broke off without an answer/);
    assert.equal(orders, 1);
  });

  it("passes bodies on in both directions, as they come", async () => {
    fra.serve(
      "shop-1",
      await serve((request, response) => {
        response.writeHead(201, { "Set-Cookie": ["a=1", "b=2"] });
        request.pipe(response);
      }),
    );
    route("shop-1", 1);
    const { status, body, headers } = await post("/echo", "x".repeat(200_000));
    assert.equal(status, 201);
    assert.equal(body.length, 200_000);
    assert.deepEqual(headers["set-cookie"], ["a=1", "b=2"]);
  });

  it("does not wait for the end of an answer", async () => {
    let finish: () => void = () => undefined;
    const serving = await serve((_, response) => {
      response.write("first");
      finish = () => response.end("last");
    });
    fra.serve("shop-1", serving);
    route("shop-1", 1);
    const chunks: string[] = [];
    await new Promise<void>((resolve, reject) => {
      const visit = httpRequest({ host: "127.0.0.1", port, headers: { host: HOST }, agent: false });
      visit.once("error", reject);
      visit.once("response", (response) => {
        response.setEncoding("utf8").on("data", (chunk: string) => {
          chunks.push(chunk);
          finish();
        });
        response.once("end", resolve);
      });
      visit.end();
    });
    assert.deepEqual(chunks, ["first", "last"]);
  });

  it("tells the application when the visitor has gone", async () => {
    const gone = Promise.withResolvers<void>();
    const reached = Promise.withResolvers<void>();
    const serving = await serve((_, response) => {
      response.once("close", () => gone.resolve());
      reached.resolve();
    });
    fra.serve("shop-1", serving);
    route("shop-1", 1);
    const visit = httpRequest({ host: "127.0.0.1", port, headers: { host: HOST }, agent: false });
    visit.on("error", () => undefined);
    visit.end();
    await reached.promise;
    visit.destroy();
    await gone.promise;
  });

  it("says itself where a request comes from", async () => {
    const seen: IncomingMessage["headers"][] = [];
    const serving = await serve((request, response) => {
      seen.push(request.headers);
      response.end();
    });
    fra.serve("shop-1", serving);
    route("shop-1", 1);
    await new Promise((resolve) => {
      const headers = {
        host: HOST,
        "x-forwarded-for": "6.6.6.6",
        "x-forwarded-proto": "https",
        cookie: "a=1",
      };
      httpRequest({ host: "127.0.0.1", port, headers, agent: false }, resolve).end();
    });
    const [headers] = seen;
    assert.equal(headers?.["x-forwarded-for"], "127.0.0.1");
    assert.equal(headers?.["x-forwarded-proto"], "http");
    assert.equal(headers?.host, HOST);
    assert.equal(headers?.cookie, "a=1");
  });

  it("lets visitors and applications change the protocol", async () => {
    const serving = await serve(() => undefined);
    servers.at(-1)?.on("upgrade", (request: IncomingMessage, socket: Socket) => {
      socket.write(
        `HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: ${request.headers.upgrade}\r\n\r\nhello `,
      );
      socket.on("data", (data) => socket.end(`you said ${String(data)}`));
    });
    fra.serve("shop-1", serving);
    route("shop-1", 1);
    const answer = await talk("parrot", "land ho");
    assert.match(answer, /^HTTP\/1\.1 101 /);
    assert.match(answer, /\r\nUpgrade: parrot\r\n/);
    assert.match(answer, /\r\n\r\nhello you said land ho$/);
  });

  it("refuses another protocol with a page when there is nothing to ask", async () => {
    assert.match(await talk("parrot", ""), /^HTTP\/1\.1 404 /);
    fra.serve("shop-1", await deadPort());
    route("shop-1", 1);
    assert.match(await talk("parrot", ""), /^HTTP\/1\.1 502 /);
  });

  it("can be visited from inside, and says so when no instance answers", async () => {
    const { signal } = new AbortController();
    fra.serve("shop-1", await serve((_, response) => response.writeHead(418).end()));
    route("shop-1", 1);
    assert.deepEqual(await edge.visit(HOST, signal), { status: 418, deployment: "shop-1" });
    fra.instances = [];
    await assert.rejects(
      edge.visit(HOST, signal),
      /no instance answered for shop\.localhost \(fra: nothing runs/,
    );
  });

  it("takes the next port when the one it wants is taken", async () => {
    const second = new EdgeServer([]);
    const other = await second.listen(port);
    assert.notEqual(other, port);
    await second.close();
  });

  function post(
    path: string,
    content: string,
  ): Promise<{ status: number; body: string; headers: IncomingMessage["headers"] }> {
    return new Promise((resolve, reject) => {
      const order = httpRequest({
        host: "127.0.0.1",
        port,
        path,
        method: "POST",
        headers: { host: HOST },
        agent: false,
      });
      order.once("error", reject);
      order.once("response", (response) => {
        let body = "";
        response.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
        response.once("end", () =>
          resolve({ status: response.statusCode ?? 0, body, headers: response.headers }),
        );
      });
      order.end(content);
    });
  }

  /** Asks for another protocol, says something in it once it is accepted, and returns all that came back. */
  function talk(protocol: string, text: string): Promise<string> {
    return new Promise((resolve, reject) => {
      let answer = "";
      const socket = connect(port, "127.0.0.1", () => {
        socket.write(
          `GET / HTTP/1.1\r\nHost: ${HOST}\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`,
        );
      });
      socket.setEncoding("utf8").on("data", (data: string) => {
        if (answer === "" && text !== "") socket.write(text);
        answer += data;
      });
      socket.once("error", reject);
      socket.once("close", () => resolve(answer));
    });
  }
});
