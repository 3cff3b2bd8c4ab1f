/** Endpoints of the Restate protocol as they are found: over which HTTP, after which other answer, and when not at all. */
import assert from "node:assert/strict";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { afterEach, describe, it } from "node:test";

import type { EndpointManifest } from "@holdfast/protocol";

import { discover, type DiscoveryOptions } from "../discovery.ts";
import { anyAddress } from "../session-harness.contract.ts";
import { listenTcp } from "./raw-tcp.contract.ts";
import { MANIFEST_V4, ScriptedRestate, scriptedRestateManifest } from "./scripted-restate.contract.ts";

const toClose: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of toClose.splice(0)) await close();
});

const find = (url: string, options?: DiscoveryOptions): Promise<EndpointManifest> =>
  discover(url, { "x-own": "header" }, anyAddress(), options);

async function overHttp1(answer: (response: ServerResponse, accept: string) => void): Promise<string> {
  const server = createServer((request, response) => answer(response, request.headers.accept ?? ""));
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  toClose.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function overTcp(welcome: (socket: Socket) => void): Promise<string> {
  const { url, close } = await listenTcp(welcome);
  toClose.push(close);
  return url;
}

async function overHttp2(): Promise<ScriptedRestate> {
  const endpoint = await ScriptedRestate.listen();
  toClose.push(() => endpoint.close());
  return endpoint;
}

function answerManifest(response: ServerResponse, changes: object = {}): void {
  response.writeHead(200, { "content-type": MANIFEST_V4, "x-restate-server": "scripted/1" });
  response.end(JSON.stringify({ ...scriptedRestateManifest, ...changes }));
}

describe("discovery of an endpoint of Restate's", () => {
  it("that speaks HTTP/2 alone", async () => {
    const { url } = await overHttp2();
    const { sdk, wires, restate } = await find(url);
    assert.deepEqual([sdk, wires], ["scripted/1", ["restate"]]);
    assert.deepEqual(restate, {
      minProtocolVersion: 5,
      maxProtocolVersion: 7,
      mode: "bidirectional",
      http: "2",
    });
  });

  it("leaves no connection behind", async () => {
    const endpoint = await overHttp2();
    await find(endpoint.url);
    for (let look = 0; endpoint.sessions.size > 0 && look < 500; look++) {
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    assert.equal(endpoint.sessions.size, 0);
  });

  it("that speaks HTTP/1.1 alone", async () => {
    const { restate } = await find(await overHttp1((response) => answerManifest(response)));
    assert.deepEqual([restate?.mode, restate?.http], ["bidirectional", "1.1"]);
  });

  it("compares the media types one by one, without weights", async () => {
    const url = await overHttp1((response, accept) => {
      const types = accept.split(",").map((type) => type.trim());
      if (types.includes(MANIFEST_V4)) answerManifest(response);
      else response.writeHead(415).end();
    });
    assert.equal((await find(url)).restate?.http, "1.1");
  });

  it("does not speak HTTP/2 where that was asked for", async () => {
    let asked = 0;
    const url = await overTcp((socket) => {
      asked += 1;
      socket.destroy();
    });
    await assert.rejects(find(url, { http11Only: true }), { code: "deployment-unreachable" });
    assert.equal(asked, 1);
  });

  it("of somebody who speaks neither says both", async () => {
    const url = await overTcp((socket) => socket.end("* OK IMAP4 ready\r\n"));
    await assert.rejects(find(url), (error: Error) => {
      assert.match(error.message, /over HTTP\/1.1: HPE_\w+; over HTTP\/2: /);
      assert.doesNotMatch(error.message, /IMAP/);
      return true;
    });
  });

  it("that refuses HTTP/1.1 by a status, and speaks nothing else, tells the status", async () => {
    const url = await overHttp1((response) => response.writeHead(505).end());
    await assert.rejects(find(url), /answered 505/);
  });

  it("refuses a manifest of ours that claims to be one of theirs", async () => {
    const url = await overHttp1((response) => {
      response.writeHead(200, { "content-type": "application/vnd.holdfast.manifest.v1+json" });
      const services = [{ name: "a", kind: "service", handlers: [{ name: "b", kind: "plain" }] }];
      response.end(
        JSON.stringify({
          wires: ["restate"],
          sdk: "x",
          runtime: "x",
          restate: { maxProtocolVersion: "six" },
          services,
        }),
      );
    });
    await assert.rejects(find(url), /unknown field "restate"/);
  });
});
