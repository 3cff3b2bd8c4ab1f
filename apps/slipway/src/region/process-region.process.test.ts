import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";

import type { Address } from "../ports/region.ts";
import { findLeftovers, killLeftovers } from "../process/leftovers.ts";
import { DirectoryStore } from "../store/directory-store.ts";
import { systemClock } from "../system-clock.ts";
import { until } from "../testing/slipway-process.ts";
import { ProcessRegion } from "./process-region.ts";

const HOST = "shop.localhost";
/** Long enough for a busy machine; only what waits for a failure waits this long. */
const HEALTH_TIMEOUT_MS = 20_000;

/** Answers with its process id; /die makes it exit. */
const SERVER = `
  require("node:http").createServer((request, response) => {
    if (request.url === "/die") process.exit(7);
    response.end(String(process.pid));
  }).listen(process.env.PORT, "127.0.0.1");`;

describe("a region on this machine", () => {
  let root = "";
  let store: DirectoryStore;
  let region: ProcessRegion;
  const { signal } = new AbortController();

  beforeEach(async () => {
    root = mkdtempSync(join(tmpdir(), "slipway-region-"));
    store = await DirectoryStore.open(join(root, "store"));
    region = openRegion(HEALTH_TIMEOUT_MS);
  });
  afterEach(async () => {
    await region.close();
    killLeftovers(root);
    rmSync(root, { recursive: true, force: true });
  });

  function openRegion(healthTimeoutMs: number): ProcessRegion {
    return new ProcessRegion("fra", {
      clock: systemClock,
      store,
      directory: join(root, "fra"),
      logPath: (deployment) => join(root, `${deployment}.log`),
      owner: root,
      environment: process.env,
      healthTimeoutMs,
    });
  }

  async function specOf(deployment: string, program: string) {
    const source = mkdtempSync(join(root, "source-"));
    writeFileSync(join(source, "server.cjs"), program);
    const { digest } = await store.put(source, deployment, () => false);
    return { deployment, host: HOST, artifact: digest, start: "node server.cjs" };
  }

  function get({ host, port }: Address, path: string): Promise<string> {
    return new Promise((resolve) => {
      const visit = request({ host, port, path, agent: false }, (response) => {
        let body = "";
        response.setEncoding("utf8").on("data", (text: string) => (body += text));
        response.once("end", () => resolve(body));
      });
      visit.once("error", (error) => resolve(error.message));
      visit.end();
    });
  }

  it("runs what is wanted, and stops what no longer is", async () => {
    const spec = await specOf("shop-1", SERVER);
    region.apply({ generation: 1, instances: [spec] });
    const address = await region.whenHealthy("shop-1", signal);
    const pid = await get(address, "/");
    assert.match(pid, /^\d+$/);

    region.apply({ generation: 1, instances: [] });
    region.apply({ generation: 0, instances: [] });
    assert.equal(region.list()[0]?.status, "healthy");
    assert.equal(await get(address, "/"), pid, "news that is not newer changes nothing");

    region.apply({ generation: 2, instances: [] });
    await region.whenStopped("shop-1");
    assert.deepEqual(findLeftovers(root), []);
    assert.deepEqual(readdirSync(join(root, "fra")), []);
    await assert.rejects(
      get(address, "/").then((answer) => Promise.reject(new Error(answer))),
      /ECONNREFUSED/,
    );
  });

  it("starts again what exits", async () => {
    region.apply({ generation: 1, instances: [await specOf("shop-1", SERVER)] });
    const before = await region.whenHealthy("shop-1", signal);
    const pid = await get(before, "/");
    await get(before, "/die");
    await until(() => (region.list()[0]?.restarts ?? 0) > 0);
    const after = await region.whenHealthy("shop-1", signal);
    assert.notEqual(await get(after, "/"), pid);
  });

  it("gives up on a deployment that exits again and again, with its last words", async () => {
    const spec = await specOf("shop-1", `console.log("no anchor"); process.exit(3);`);
    region.apply({ generation: 1, instances: [spec] });
    await assert.rejects(region.whenHealthy("shop-1", signal), (error) => {
      assert.ok(error instanceof Error);
      assert.match(error.message, /it was started 3 times, and its process ended with exit code 3/);
      assert.match(JSON.stringify("data" in error ? error.data : undefined), /no anchor/);
      return true;
    });
  });

  it("gives up on a deployment that does not answer in time", async () => {
    region = openRegion(1_000);
    region.apply({ generation: 1, instances: [await specOf("shop-1", "setInterval(() => {}, 1000)")] });
    await assert.rejects(
      region.whenHealthy("shop-1", signal),
      /within 1 s: (nothing listens on port \d+|it has not)/,
    );
  });

  it("does not take an answer of 500 for health", async () => {
    region = openRegion(3_000);
    const program = SERVER.replace("response.end(", "response.writeHead(500); response.end(");
    region.apply({ generation: 1, instances: [await specOf("shop-1", program)] });
    await assert.rejects(region.whenHealthy("shop-1", signal), /it answers its health check with 500/);
  });

  it("tells whoever waits for health that it is no longer wanted", async () => {
    region.apply({ generation: 1, instances: [await specOf("shop-1", "setInterval(() => {}, 1000)")] });
    const outcome = assert.rejects(region.whenHealthy("shop-1", signal), /it is no longer wanted/);
    region.apply({ generation: 2, instances: [] });
    await outcome;
  });

  it("ends a program that does not listen to requests to end, with all it has started", async () => {
    const stubborn = `
      process.on("SIGTERM", () => {});
      require("node:child_process").spawn("sleep", ["1000"], { stdio: "ignore" });
      ${SERVER}`;
    region.apply({ generation: 1, instances: [await specOf("shop-1", stubborn)] });
    await region.whenHealthy("shop-1", signal);
    region.apply({ generation: 2, instances: [] });
    await region.whenStopped("shop-1");
    assert.deepEqual(findLeftovers(root), []);
  });

  it("gives a program time to finish", async () => {
    const note = join(root, "note.txt");
    const careful = `
      const finish = () => { require("node:fs").writeFileSync(${JSON.stringify(note)}, "finished"); process.exit(0); };
      process.on("SIGTERM", () => setTimeout(finish, 100));
      ${SERVER}`;
    region.apply({ generation: 1, instances: [await specOf("shop-1", careful)] });
    await region.whenHealthy("shop-1", signal);
    region.apply({ generation: 2, instances: [] });
    await region.whenStopped("shop-1");
    assert.equal(readFileSync(note, "utf8"), "finished");
  });

  it("deletes, when it is told what is wanted, the files of what is not", async () => {
    const spec = await specOf("shop-1", SERVER);
    region.apply({ generation: 1, instances: [spec] });
    await region.whenHealthy("shop-1", signal);
    await region.close();
    writeFileSync(join(root, "fra", "rest-of-shop-0"), "");

    region = openRegion(HEALTH_TIMEOUT_MS);
    region.apply({ generation: 1, instances: [spec] });
    await region.whenHealthy("shop-1", signal);
    assert.deepEqual(readdirSync(join(root, "fra")), ["shop-1"]);
  });

  it("keeps what instances print", async () => {
    region.apply({ generation: 1, instances: [await specOf("shop-1", `console.log("ahoy"); ${SERVER}`)] });
    await region.whenHealthy("shop-1", signal);
    assert.equal(readFileSync(join(root, "shop-1.log"), "utf8"), "ahoy\n");
  });
});
