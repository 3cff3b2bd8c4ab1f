import assert from "node:assert/strict";
import { request } from "node:http";
import { afterEach, beforeEach, describe, it } from "node:test";

import { TerminalError } from "@holdfast/sdk";

import { sendCommand } from "./control-client.ts";
import { ControlError, ControlServer } from "./control-server.ts";

describe("the control endpoint", () => {
  let server: ControlServer;
  let address = "";
  const deployed: (string | undefined)[] = [];

  beforeEach(async () => {
    deployed.length = 0;
    server = new ControlServer({
      status: () => Promise.resolve({ apps: [] }),
      deploy: (directory) => {
        deployed.push(directory);
        return directory === "/bad"
          ? Promise.reject(new TerminalError("the build failed", { data: { lastLines: ["oh no"] } }))
          : Promise.resolve({ deployment: "shop-1" });
      },
      rollBack: (app) => Promise.reject(new ControlError(404, `There is no application "${app}".`)),
    });
    address = await server.listen(0);
  });
  afterEach(() => server.close());

  it("carries out commands", async () => {
    assert.deepEqual(await sendCommand(address, "GET", "/status"), { ok: true, body: { apps: [] } });
    const answer = await sendCommand(address, "POST", "/deploy", { directory: "/shop" });
    assert.deepEqual(answer, { ok: true, body: { deployment: "shop-1" } });
    assert.deepEqual(deployed, ["/shop"]);
  });

  it("says why not", async () => {
    const failed = await sendCommand(address, "POST", "/deploy", { directory: "/bad" });
    assert.deepEqual(failed, { ok: false, body: { error: "the build failed", lastLines: ["oh no"] } });
    const unknown = await sendCommand(address, "POST", "/rollback", { app: "blog" });
    assert.deepEqual(unknown, { ok: false, body: { error: 'There is no application "blog".' } });
    assert.equal((await sendCommand(address, "POST", "/deploy", { directory: 7 })).ok, false);
    assert.match(String((await sendCommand(address, "GET", "/")).body["error"]), /POST \/deploy/);
  });

  it("does nothing for web pages, whatever name they reach it by", async () => {
    assert.equal(await statusOf({ origin: "http://evil.example" }), 403);
    assert.equal(await statusOf({ host: "rebound.example" }), 403);
    assert.deepEqual(deployed, []);
  });

  function statusOf(headers: Readonly<Record<string, string>>): Promise<number | undefined> {
    return new Promise((resolve, reject) => {
      const command = request(new URL("/deploy", address), { method: "POST", headers, agent: false });
      command.once("error", reject);
      command.once("response", (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      command.end('{"directory":"/shop"}');
    });
  }
});
