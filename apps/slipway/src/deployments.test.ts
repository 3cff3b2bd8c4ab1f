import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";

import { createTestEngine } from "@holdfast/server/testing";

import { Deployments } from "./deployments.ts";
import { defineServices, servablesOf } from "./durable/services.ts";
import { DirectoryStore } from "./store/directory-store.ts";
import { fakePorts } from "./testing/fake-ports.ts";

describe("deployments", () => {
  let root = "";
  let app = "";
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "slipway-deployments-"));
    app = join(root, "shop");
    mkdirSync(join(app, "node_modules", "x"), { recursive: true });
    writeFileSync(join(app, "server.js"), "");
    writeFileSync(join(app, "node_modules", "x", "index.js"), "");
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  async function createWorld(dataDirectory = join(app, "data")) {
    const ports = fakePorts();
    const services = defineServices(ports);
    const engine = await createTestEngine({ services: servablesOf(services) });
    const store = await DirectoryStore.open(join(dataDirectory, "store"));
    const deployments = new Deployments({ engine, services, store, recorder: ports.recorder, dataDirectory });
    return { ports, engine, deployments, [Symbol.asyncDispose]: () => engine.close() };
  }

  it("upload the source of an application, and neither what is installed in it nor our own data", async () => {
    await using world = await createWorld();
    const { outcome } = await world.deployments.resume(await world.deployments.create(app));
    await world.engine.advance("10s");
    const { artifact, host } = await outcome;
    assert.equal(host, "shop.localhost");
    writeFileSync(join(app, "data", "more"), "");
    assert.equal(artifact, `sha256:artifact-of-${await world.deployments.digestOf(app)}`);
    writeFileSync(join(app, "server.js"), "changed");
    assert.notEqual(artifact, `sha256:artifact-of-${await world.deployments.digestOf(app)}`);
  });

  it("that were written down and not begun are begun at the next start, once", async () => {
    await using world = await createWorld();
    const entry = await world.deployments.create(app);
    const [first, second] = await Promise.all([
      world.deployments.resume(entry),
      world.deployments.resume(entry),
    ]);
    await world.engine.advance("10s");
    assert.deepEqual(await first.outcome, await second.outcome);
    assert.equal(world.ports.builder.builds.length, 1);
    const [listed, ...others] = await world.deployments.list();
    assert.deepEqual(others, []);
    assert.equal(listed?.status, "live");
    assert.equal(listed?.number, 1);
  });

  it("whose source has gone fail with the reason", async () => {
    await using world = await createWorld(join(root, "data"));
    const entry = await world.deployments.create(app);
    rmSync(app, { recursive: true });
    const { outcome } = await world.deployments.resume(entry);
    const failure = assert.rejects(outcome, /could not be stored: ENOENT/);
    await world.engine.advance("10s");
    await failure;
    assert.equal((await world.deployments.list())[0]?.status, "failed");
  });

  it("are refused, and not written down, where there is nothing to deploy", async () => {
    await using world = await createWorld();
    await assert.rejects(world.deployments.create(join(root, "gone")), /There is no directory/);
    assert.deepEqual(await world.deployments.list(), []);
  });
});
