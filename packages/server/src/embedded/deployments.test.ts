/** Deployments: what runs on which version of the code, and what may be registered and removed when. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import type { OutcomeDetail, RecordBody } from "@holdfast/engine";
import type { HandlerEndpoint, Servable } from "@holdfast/protocol";
import { object, service } from "@holdfast/sdk";

import { TestEngine } from "../testing.ts";
import { endpointsOf } from "./endpoints.ts";
import { refusal, request, rowOf, statusOf } from "./semantics-rig.contract.ts";

type RegisterDeploymentRecord = Extract<RecordBody, { readonly kind: "register-deployment" }>;

/** A service whose handler tells which version of it ran, before and after an hour. */
function version(name: string) {
  return service("app", {
    go: async (ctx) => {
      const first = await ctx.run("first", () => name);
      await ctx.sleep("1h");
      return [first, await ctx.run("second", () => name)];
    },
  });
}

/** An engine that several versions of the code are deployed to, one after the other. */
class World {
  readonly engine: TestEngine;
  readonly #endpoints: Map<string, HandlerEndpoint>;

  private constructor(engine: TestEngine, endpoints: Map<string, HandlerEndpoint>) {
    this.engine = engine;
    this.#endpoints = endpoints;
  }

  static async open(): Promise<World> {
    const endpoints = new Map<string, HandlerEndpoint>();
    return new World(await TestEngine.open({ services: [] }, { endpoints }), endpoints);
  }

  record(
    name: string,
    services: readonly Servable[],
    options: Partial<RegisterDeploymentRecord> = {},
  ): RegisterDeploymentRecord {
    const endpoint = endpointsOf(services, this.engine.clock).get("embedded") as HandlerEndpoint;
    this.#endpoints.set(name, endpoint);
    return {
      kind: "register-deployment",
      id: this.engine.engine.deploymentId(),
      url: `in-process:${name}`,
      manifest: endpoint.manifest,
      metadata: {},
      headers: {},
      force: false,
      breaking: false,
      dryRun: false,
      ...options,
    };
  }

  /** Returns the deployment's id. */
  async deploy(
    name: string,
    services: readonly Servable[],
    options: Partial<RegisterDeploymentRecord> = {},
  ): Promise<string> {
    const detail = await request(this.engine, this.record(name, services, options));
    assert.ok(detail.id);
    return detail.id;
  }

  live(id: string): number {
    return this.engine.engine.tables.deployments.get(id)?.live ?? -1;
  }

  close(): Promise<void> {
    return this.engine.close();
  }
}

describe("an invocation", () => {
  it("stays on the deployment that started it; what starts later runs on the newest", async () => {
    const world = await World.open();
    const app = version("v1");
    const first = await world.deploy("v1", [app]);
    const old = await world.engine.send(app.go);
    await world.engine.settle();
    const second = await world.deploy("v2", [version("v2")]);
    const young = await world.engine.send(app.go);
    await world.engine.advance("2h");
    assert.deepEqual(await old.attach(), ["v1", "v1"]);
    assert.deepEqual(await young.attach(), ["v2", "v2"]);
    assert.equal(rowOf(world.engine, old.invocationId).deployment, first);
    assert.equal(rowOf(world.engine, young.invocationId).deployment, second);
    await world.close();
  });

  it("that was sent with a delay runs on what is newest when it starts", async () => {
    const world = await World.open();
    const app = version("v1");
    await world.deploy("v1", [app]);
    const delayed = await world.engine.send(app.go, undefined, { delay: "1d" });
    await world.deploy("v2", [version("v2")]);
    await world.engine.advance("2d");
    assert.deepEqual(await delayed.attach(), ["v2", "v2"]);
    await world.close();
  });

  it("can be resumed on another deployment, keeping what it has", async () => {
    const world = await World.open();
    const app = version("v1");
    const first = await world.deploy("v1", [app]);
    const handle = await world.engine.send(app.go);
    await world.engine.settle();
    const second = await world.deploy("v2", [version("v2")]);
    await request(world.engine, { kind: "pause", id: handle.invocationId });
    await request(world.engine, { kind: "resume", id: handle.invocationId, deployment: second });
    assert.deepEqual([world.live(first), world.live(second)], [0, 1]);
    await world.engine.advance("2h");
    assert.deepEqual(await handle.attach(), ["v1", "v2"]);
    assert.equal(world.live(second), 0);
    await world.close();
  });

  it("cannot be resumed on a deployment that does not serve its handler or does not exist", async () => {
    const world = await World.open();
    const app = version("v1");
    await world.deploy("v1", [app]);
    const other = await world.deploy("other", [service("other", { go: async () => {} })]);
    const handle = await world.engine.send(app.go);
    await world.engine.settle();
    const resume = { kind: "resume", id: handle.invocationId } as const;
    assert.match(await refusal(world.engine, { ...resume, deployment: other }), /handler-not-found/);
    assert.match(await refusal(world.engine, { ...resume, deployment: "dp_nobody" }), /deployment-not-found/);
    assert.equal(statusOf(world.engine, handle.invocationId), "suspended");
    await world.close();
  });

  it("can be restarted on another deployment", async () => {
    const world = await World.open();
    const app = version("v1");
    await world.deploy("v1", [app]);
    const handle = await world.engine.send(app.go);
    await world.engine.advance("2h");
    const second = await world.deploy("v2", [version("v2")]);
    const newId = world.engine.engine.invocationIdFor({
      service: "app",
      handler: "go",
      key: "",
      isRun: false,
    });
    await request(world.engine, {
      kind: "restart",
      id: handle.invocationId,
      newId,
      fromCommand: 2,
      deployment: second,
    });
    await world.engine.settle();
    assert.deepEqual(await world.engine.handle(newId).attach(), ["v1", "v2"]);
    await world.close();
  });
});

describe("registering", () => {
  it("the same again changes nothing", async () => {
    const world = await World.open();
    const app = version("v1");
    const id = await world.deploy("v1", [app]);
    const again = await request(world.engine, world.record("v1", [app]));
    assert.deepEqual(again, { id, existed: true, unchanged: true });
    await world.close();
  });

  it("something else under a known address is refused, unless it is forced", async () => {
    const world = await World.open();
    const id = await world.deploy("v1", [version("v1")]);
    const more = [version("v1"), service("more", { go: async () => {} })];
    assert.match(await refusal(world.engine, world.record("v1", more)), /deployment-changed: .* immutable/);
    assert.equal(await world.deploy("v1", more, { force: true }), id);
    assert.ok(world.engine.engine.tables.service("more"));
    await world.close();
  });

  const breaks: ReadonlyArray<{ readonly name: string; readonly next: Servable; readonly reason: RegExp }> = [
    {
      name: "a handler that would disappear",
      next: service("app", { other: async () => {} }),
      reason: /breaking-change: handler app\/go would disappear/,
    },
    {
      name: "a service that would change its kind",
      next: object("app", { go: async () => {} }),
      reason: /breaking-change: "app" is a service and would become a object/,
    },
  ];
  for (const { name, next, reason } of breaks) {
    it(`${name} is refused, and allowed when it is asked for`, async () => {
      const world = await World.open();
      await world.deploy("v1", [version("v1")]);
      assert.match(await refusal(world.engine, world.record("v2", [next])), reason);
      await world.deploy("v2", [next], { breaking: true });
      await world.close();
    });
  }

  it("as a dry run says what would come of it and changes nothing", async () => {
    const world = await World.open();
    const before = await world.deploy("v1", [version("v1")]);
    const detail: OutcomeDetail = await request(
      world.engine,
      world.record("v2", [version("v2")], { dryRun: true }),
    );
    assert.equal(detail.existed, false);
    assert.equal(world.engine.engine.tables.service("app")?.deployment, before);
    await world.close();
  });
});

describe("removing", () => {
  it("is refused while invocations live on it, and done when they have ended", async () => {
    const world = await World.open();
    const app = version("v1");
    const id = await world.deploy("v1", [app]);
    const handle = await world.engine.send(app.go);
    await world.engine.settle();
    await world.deploy("v2", [version("v2")]);
    const remove = { kind: "remove-deployment", id, force: false } as const;
    assert.equal(world.live(id), 1);
    assert.match(await refusal(world.engine, remove), /deployment-in-use: 1 live/);
    await world.engine.advance("2h");
    await handle.attach();
    assert.equal(world.live(id), 0, "drained");
    await request(world.engine, remove);
    assert.equal(world.live(id), -1);
    assert.match(await refusal(world.engine, remove), /deployment-not-found/);
    await world.close();
  });

  it("by force pauses what lived on it with the reason, and another deployment can take it over", async () => {
    const world = await World.open();
    const app = version("v1");
    const id = await world.deploy("v1", [app]);
    const handle = await world.engine.send(app.go);
    await world.engine.settle();
    const second = await world.deploy("v2", [version("v2")]);
    await request(world.engine, { kind: "remove-deployment", id, force: true });
    await world.engine.advance("2h");
    assert.equal(statusOf(world.engine, handle.invocationId), "paused");
    assert.match(
      rowOf(world.engine, handle.invocationId).events.at(-1)?.message ?? "",
      /was removed\. Resume on another/,
    );
    await request(world.engine, { kind: "resume", id: handle.invocationId, deployment: second });
    await world.engine.settle();
    assert.deepEqual(await handle.attach(), ["v1", "v2"]);
    await world.close();
  });

  it("the newest makes the one before serve again", async () => {
    const world = await World.open();
    const app = version("v1");
    await world.deploy("v1", [app]);
    const second = await world.deploy("v2", [version("v2")]);
    await request(world.engine, { kind: "remove-deployment", id: second, force: false });
    const handle = await world.engine.send(app.go);
    await world.engine.advance("2h");
    assert.deepEqual(await handle.attach(), ["v1", "v1"]);
    await world.close();
  });
});

describe("what nobody serves any more", () => {
  it("waits for a deployment that does", async () => {
    const world = await World.open();
    const app = version("v1");
    const id = await world.deploy("v1", [app]);
    const delayed = await world.engine.send(app.go, undefined, { delay: "1h" });
    await request(world.engine, { kind: "remove-deployment", id, force: true });
    await world.engine.advance("90m");
    assert.equal(statusOf(world.engine, delayed.invocationId), "backing-off");
    assert.match(
      rowOf(world.engine, delayed.invocationId).lastFailure?.message ?? "",
      /No deployment serves app\/go/,
    );
    await world.deploy("v2", [version("v2")]);
    await world.engine.advance("2h");
    assert.deepEqual(await delayed.attach(), ["v2", "v2"]);
    await world.close();
  });
});
