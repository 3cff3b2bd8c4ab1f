/** Which combinations of addresses and credentials a server starts with. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";

import { loadConfig } from "./config.ts";
import { send } from "./ingress/ingress-rig.ts";
import { startServer, type RunningServer } from "./server.ts";

const directory = mkdtempSync(join(tmpdir(), "holdfast-start-"));
after(() => rmSync(directory, { recursive: true }));

const TOKENS = [`ada=${createHash("sha256").update("of-ada").digest("hex")}`];

async function start(given: Record<string, unknown>): Promise<{ server: RunningServer; warnings: string[] }> {
  const data = mkdtempSync(join(directory, "data-"));
  const config = loadConfig({ arguments: { data, "ingress.port": 0, "admin.port": 0, ...given } });
  const warnings: string[] = [];
  return { server: await startServer({ config, onWarning: (text) => warnings.push(text) }), warnings };
}

describe("the admin API", () => {
  const rows: ReadonlyArray<readonly [host: string, token: string, expected: "starts" | "refused"]> = [
    ["127.0.0.1", "", "starts"],
    ["127.0.0.1", "secret", "starts"],
    ["localhost", "", "starts"],
    ["127.0.0.2", "", "starts"],
    ["0.0.0.0", "secret", "starts"],
    ["0.0.0.0", "", "refused"],
    ["::", "", "refused"],
    ["::ffff:127.0.0.1", "", "refused"],
    ["10.0.0.1", "", "refused"],
    ["holdfast.example", "", "refused"],
    ["127.0.0.1.example", "", "refused"],
    ["", "", "refused"],
  ];
  for (const [host, token, expected] of rows) {
    it(`on "${host}" with ${token === "" ? "no token" : "a token"}: ${expected}`, async () => {
      const starting = start({ "admin.host": host, "admin.token": token });
      if (expected === "refused") {
        await assert.rejects(starting, { code: "config-invalid", message: /admin\.token is empty/ });
        return;
      }
      const { server } = await starting;
      const answer = await send(`${server.adminUrl}/health`, { method: "GET" });
      assert.equal(answer.status, token === "" ? 200 : 401);
      await server.close();
    });
  }

  it("is bound to a loopback address when nobody says otherwise", () => {
    const { values } = loadConfig();
    assert.deepEqual([values["admin.host"], values["ingress.host"]], ["127.0.0.1", "127.0.0.1"]);
  });
});

describe("the ingress", () => {
  const rows: ReadonlyArray<readonly [host: string, auth: "off" | "token", isWarned: boolean]> = [
    ["127.0.0.1", "off", false],
    ["127.0.0.1", "token", false],
    ["0.0.0.0", "off", true],
    ["0.0.0.0", "token", false],
  ];
  for (const [host, auth, isWarned] of rows) {
    it(`on ${host} with ingress.auth ${auth}: starts${isWarned ? ", and says who may call" : ""}`, async () => {
      const { server, warnings } = await start({
        "ingress.host": host,
        "ingress.auth": auth,
        "ingress.tokens": TOKENS,
      });
      const health = (headers: Record<string, string>) =>
        send(`${server.ingressUrl}/restate/health`, { method: "GET", headers });
      assert.equal((await health({})).status, auth === "off" ? 200 : 401);
      assert.equal((await health({ authorization: "Bearer of-ada" })).status, 200);
      assert.equal(
        warnings.some((text) => text.includes("ingress.auth is off")),
        isWarned,
      );
      const config = await send(`${server.adminUrl}/config`, { method: "GET" });
      assert.doesNotMatch(config.text, /ada=/, "digests of tokens are not shown");
      await server.close();
    });
  }

  it("does not start with authentication that lets nobody in", async () => {
    await assert.rejects(start({ "ingress.auth": "token" }), { code: "config-invalid" });
    await assert.rejects(start({ "ingress.auth": "jwt" }), { code: "config-invalid" });
    await assert.rejects(start({ "deployments.deniedNetworks": ["everything"] }), { code: "config-invalid" });
  });
});
