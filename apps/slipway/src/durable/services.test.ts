import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { TerminalError } from "@holdfast/sdk";
import { createTestEngine, type TestEngine } from "@holdfast/server/testing";

import { fakePorts, type FakePorts } from "../testing/fake-ports.ts";
import { CATALOGUE } from "./catalogue.ts";
import { cleanupRemove } from "./references.ts";
import { defineServices, servablesOf, type Services } from "./services.ts";

const HOST = "shop.localhost";

interface World extends AsyncDisposable {
  readonly ports: FakePorts;
  readonly services: Services;
  engine: TestEngine;
}

async function createWorld(): Promise<World> {
  const ports = fakePorts();
  const services = defineServices(ports);
  const engine = await createTestEngine({ services: servablesOf(services) });
  const world: World = { ports, services, engine, [Symbol.asyncDispose]: () => world.engine.close() };
  return world;
}

/** Starts a deployment of "shop" whose source has been uploaded. */
async function startDeploy({ engine, services }: World, deployment: string) {
  const entry = await engine.call(services.catalogue.begin, CATALOGUE, {
    deployment,
    app: "shop",
    host: HOST,
    directory: "/shop",
  });
  const { number } = entry;
  const handle = await engine.send(services.deploy, { deployment, app: "shop", host: HOST, number });
  await engine
    .promise(services.deploy, deployment, "uploaded")
    .resolve({ digest: `sha256:${deployment}`, files: 2, bytes: 10 });
  return handle;
}

async function deploy(world: World, deployment: string) {
  const handle = await startDeploy(world, deployment);
  await world.engine.advance("10s");
  return handle.attach();
}

async function statusOf({ engine, services }: World, deployment: string) {
  const entries = await engine.call(services.catalogue.list, CATALOGUE);
  return entries.find((entry) => entry.deployment === deployment)?.status;
}

describe("a deployment", () => {
  it("ends live in both regions, with every step executed once", async () => {
    await using world = await createWorld();
    const result = await deploy(world, "shop-1");

    assert.deepEqual(result, {
      deployment: "shop-1",
      host: HOST,
      artifact: "sha256:artifact-of-sha256:shop-1",
    });
    const { ports } = world;
    assert.equal(ports.edge.routes.get(HOST), "shop-1");
    for (const region of ports.regions) assert.deepEqual(region.running, ["shop-1"]);
    assert.deepEqual(ports.recorder.steps.toSorted(), [
      "shop-1: build",
      "shop-1: healthy fra",
      "shop-1: healthy iad",
      "shop-1: start fra",
      "shop-1: start iad",
      "shop-1: switch shop.localhost",
      "shop-1: visit",
    ]);
    assert.equal(await statusOf(world, "shop-1"), "live");
  });

  it("waits for its source", async () => {
    await using world = await createWorld();
    const { engine, services, ports } = world;
    const handle = await engine.send(services.deploy, {
      deployment: "shop-1",
      app: "shop",
      host: HOST,
      number: 1,
    });
    await engine.advance("59m");
    assert.equal(ports.builder.builds.length, 0);

    const uploaded = engine.promise(services.deploy, "shop-1", "uploaded");
    await uploaded.resolve({ digest: "sha256:s", files: 1, bytes: 1 });
    await engine.advance("1s");
    assert.equal((await handle.attach()).deployment, "shop-1");
  });

  it("fails when no source arrives in time", async () => {
    await using world = await createWorld();
    const { engine, services } = world;
    const handle = await engine.send(services.deploy, {
      deployment: "shop-1",
      app: "shop",
      host: HOST,
      number: 1,
    });
    const outcome = assert.rejects(handle.attach(), /No source arrived within 1h/);
    await engine.advance("61m");
    await outcome;
  });

  it("goes on behind its last finished step after a crash", async () => {
    await using world = await createWorld();
    world.ports.regions[1].slow.add("shop-1");
    const handle = await startDeploy(world, "shop-1");
    await world.engine.advance("1s");

    world.engine = await world.engine.restart();
    await world.engine.settle();
    world.ports.regions[1].slow.clear();
    world.ports.regions[1].changed();
    await world.engine.settle();

    await world.engine.handle(handle.invocationId).attach();
    assert.equal(world.ports.builder.builds.length, 1, "the build was finished and is not repeated");
    const { steps } = world.ports.recorder;
    const counts = Object.groupBy(steps, (step) => step);
    assert.equal(counts["shop-1: start fra"]?.length, 1);
    assert.equal(counts["shop-1: healthy fra"]?.length, 1);
    assert.equal(counts["shop-1: healthy iad"]?.length, 2, "interrupted, so executed again");
    assert.equal(world.ports.edge.routes.get(HOST), "shop-1");
  });
});

describe("a deployment that fails", () => {
  it("in its build changes nothing", async () => {
    await using world = await createWorld();
    await deploy(world, "shop-1");
    world.ports.builder.failure = new TerminalError("npm run build exited with 1", {
      code: "build_command_failed",
    });

    await assert.rejects(deploy(world, "shop-2"), /npm run build exited with 1/);
    assert.equal(world.ports.edge.routes.get(HOST), "shop-1");
    assert.deepEqual(world.ports.regions[0].running, ["shop-1"]);
    assert.equal(await statusOf(world, "shop-2"), "failed");
  });

  it("in the second region takes back the first", async () => {
    await using world = await createWorld();
    await deploy(world, "shop-1");
    const [fra, iad] = world.ports.regions;
    iad.broken.set("shop-2", "shop-2 exited with 1 three times");

    await assert.rejects(deploy(world, "shop-2"), /exited with 1 three times/);
    assert.deepEqual(fra.running, ["shop-1"]);
    assert.deepEqual(iad.running, ["shop-1"]);
    assert.deepEqual(world.ports.edge.changes, [`${HOST} -> shop-1`]);
    assert.deepEqual(world.ports.store.released, ["shop-2"]);
  });

  it("in the second region does not wait for a slow first one", async () => {
    await using world = await createWorld();
    const [fra, iad] = world.ports.regions;
    fra.slow.add("shop-1");
    iad.broken.set("shop-1", "no room");
    await assert.rejects(deploy(world, "shop-1"), /no room/);
    assert.deepEqual(fra.running, []);
  });

  it("behind the edge is switched back", async () => {
    await using world = await createWorld();
    await deploy(world, "shop-1");
    world.ports.edge.status = 503;

    await assert.rejects(deploy(world, "shop-2"), /answers 503 through the edge/);
    assert.deepEqual(world.ports.edge.changes, [
      `${HOST} -> shop-1`,
      `${HOST} -> shop-2`,
      `${HOST} -> shop-1`,
    ]);
    assert.deepEqual(world.ports.regions[0].running, ["shop-1"]);
    await world.engine.advance("4d");
    assert.deepEqual(world.ports.regions[0].running, ["shop-1"], "what is live again is not removed");
  });

  it("by being cancelled takes everything back", async () => {
    await using world = await createWorld();
    world.ports.regions[1].slow.add("shop-1");
    const handle = await startDeploy(world, "shop-1");
    await world.engine.advance("1s");
    assert.deepEqual(world.ports.regions[0].running, ["shop-1"]);

    const outcome = assert.rejects(handle.attach());
    await handle.cancel();
    await world.engine.settle();
    await outcome;
    assert.deepEqual(world.ports.regions[0].running, []);
    assert.deepEqual(world.ports.store.released, ["shop-1"]);
    assert.equal(await statusOf(world, "shop-1"), "failed");
  });

  it("because a newer one was faster leaves that one live", async () => {
    await using world = await createWorld();
    world.ports.regions[0].slow.add("shop-1");
    const slow = await startDeploy(world, "shop-1");
    const fast = await startDeploy(world, "shop-2");
    await world.engine.settle();
    assert.equal((await fast.attach()).previous, undefined);

    const outcome = assert.rejects(slow.attach(), /#2 is newer/);
    world.ports.regions[0].slow.clear();
    world.ports.regions[0].changed();
    await world.engine.settle();
    await outcome;
    assert.equal(world.ports.edge.routes.get(HOST), "shop-2");
    assert.deepEqual(world.ports.regions[0].running, ["shop-2"]);
    assert.equal(await statusOf(world, "shop-1"), "superseded");
  });
});

describe("what is no longer live", () => {
  it("is removed after three days, and not before", async () => {
    await using world = await createWorld();
    await deploy(world, "shop-1");
    await deploy(world, "shop-2");

    await world.engine.advance("71h");
    assert.deepEqual(world.ports.regions[0].running, ["shop-1", "shop-2"]);
    assert.deepEqual(world.ports.store.released, []);

    await world.engine.advance("1h");
    for (const region of world.ports.regions) assert.deepEqual(region.running, ["shop-2"]);
    assert.deepEqual(world.ports.store.released, ["shop-1"]);
    assert.deepEqual(world.ports.removedWorkspaces, ["shop-1"]);
    assert.equal(await statusOf(world, "shop-1"), undefined);
  });

  it("stays when it is rolled back to, and what was live instead goes", async () => {
    await using world = await createWorld();
    const { engine, services } = world;
    await deploy(world, "shop-1");
    await deploy(world, "shop-2");
    await engine.advance("2d");

    const outcome = await engine.call(services.domain.rollBack, HOST, "shop-2");
    assert.equal(outcome.kind, "switched");
    assert.equal(world.ports.edge.routes.get(HOST), "shop-1");

    await engine.advance("2d");
    assert.deepEqual(world.ports.regions[0].running, ["shop-1", "shop-2"]);
    await engine.advance("2d");
    assert.deepEqual(world.ports.regions[0].running, ["shop-1"]);
  });

  it("has its three days again after it was live again", async () => {
    await using world = await createWorld();
    const { engine, services, ports } = world;
    await deploy(world, "shop-1");
    await deploy(world, "shop-2");
    await engine.advance("2d");
    await engine.call(services.domain.rollBack, HOST, "shop-2");
    await engine.advance("12h");
    await deploy(world, "shop-3");

    await engine.advance("2d");
    assert.ok(
      ports.regions[0].running.includes("shop-1"),
      "its first removal, due after three days, was cancelled",
    );
    await engine.advance("1d");
    assert.deepEqual(ports.regions[0].running, ["shop-3"]);
  });

  it("is all that is ever removed: a removal of what is live does nothing", async () => {
    await using world = await createWorld();
    const { engine, services, ports } = world;
    await deploy(world, "shop-1");
    await engine.call(services.cleanup.remove, { deployment: "shop-1", host: HOST });
    assert.deepEqual(ports.regions[0].running, ["shop-1"]);
    assert.deepEqual(ports.store.released, []);
  });

  it("cannot be rolled back to once it is gone", async () => {
    await using world = await createWorld();
    const { engine, services } = world;
    await deploy(world, "shop-1");
    await deploy(world, "shop-2");
    await engine.advance("3d");
    await assert.rejects(
      engine.call(services.domain.rollBack, HOST, "shop-2"),
      /there is nothing before shop-2/,
    );
  });

  it("is not rolled back to when it is not healthy", async () => {
    await using world = await createWorld();
    const { engine, services, ports } = world;
    await deploy(world, "shop-1");
    await deploy(world, "shop-2");
    for (const region of ports.regions) region.broken.set("shop-1", "exited with 1");
    await assert.rejects(engine.call(services.domain.rollBack, HOST, "shop-2"), /not healthy in any region/);
    assert.equal(ports.edge.routes.get(HOST), "shop-2");
  });
});

describe("a domain", () => {
  it("switches once, however many clicks ask for it at the same time", async () => {
    await using world = await createWorld();
    const { engine, services, ports } = world;
    for (const deployment of ["shop-1", "shop-2", "shop-3"]) await deploy(world, deployment);
    const before = ports.edge.changes.length;

    const clicks = Array.from({ length: 200 }, () => engine.call(services.domain.rollBack, HOST, "shop-3"));
    const outcomes = await Promise.all(clicks);
    assert.equal(outcomes.filter(({ kind }) => kind === "switched").length, 1);
    assert.equal(outcomes.filter(({ kind }) => kind === "unchanged").length, 199);
    assert.deepEqual(ports.edge.changes.slice(before), [`${HOST} -> shop-2`]);
    const { version, live } = await engine.call(services.domain.read, HOST);
    assert.deepEqual({ version, live }, { version: 4, live: "shop-2" });
  });

  it("keeps two deployments that finish at once apart, and the newer one live", async () => {
    await using world = await createWorld();
    const handles = await Promise.all(["shop-1", "shop-2"].map((each) => startDeploy(world, each)));
    await world.engine.settle();
    await Promise.allSettled(handles.map((handle) => handle.attach()));
    const { live, history } = await world.engine.call(world.services.domain.read, HOST);
    assert.equal(live, "shop-2");
    assert.deepEqual(
      history.map(({ version }) => version),
      history.map((_, index) => index + 1),
    );
  });
});

describe("the reference to cleanup.remove", () => {
  it("is what the definition says", async () => {
    await using world = await createWorld();
    const { service, handler, kind } = world.services.cleanup.remove;
    assert.deepEqual({ ...cleanupRemove }, { service, handler, kind });
  });
});
