/** Handlers of ours behind a real server, called with the client that Restate publishes for TypeScript. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";

import { object, service, shared, TerminalError, workflow } from "@holdfast/sdk";
import * as clients from "@restatedev/restate-sdk-clients";
import { z } from "zod";

import { loadConfig } from "../config.ts";
import { startServer, type RunningServer } from "../server.ts";
import { send as request } from "./ingress-rig.ts";

type Order = { readonly item: string; readonly count: number };

/** How often handlers that must happen once did. */
let charged = 0;

const shop = service("Shop", {
  order: async (_ctx, order: Order) => ({ ...order, accepted: true }),
  nothing: async () => {},
  headers: async (ctx) => Object.fromEntries(ctx.headers),
  charge: async () => {
    charged += 1;
    return charged;
  },
  refuse: async (_ctx, status: number) => {
    charged += 1;
    throw new TerminalError("the card was declined", { status, code: "card-declined" });
  },
  approval: async (ctx) => {
    const awakeable = ctx.awakeable<{ readonly by: string }>();
    await ctx.send(board.pin, "approval", awakeable.id);
    return (await awakeable.promise).by;
  },
});

const counter = object("Counter", {
  add: async (ctx, by: number) => {
    const total = (((await ctx.state.get("total")) as number | undefined) ?? 0) + by;
    ctx.state.set("total", total);
    return total;
  },
  get: shared({}, async (ctx) => ctx.state.get("total")),
});

/** Where handlers leave what others look for. */
const board = object("Board", {
  pin: async (ctx, id: string) => {
    ctx.state.set("id", id);
  },
  read: shared({}, async (ctx) => ctx.state.get("id")),
});

const release = workflow("Release", { promises: { approval: z.string() } }, async (ctx, version: string) => {
  ctx.state.set("version", version);
  return `${version} by ${await ctx.promise("approval")}`;
});

type ShopApi = {
  order(ctx: unknown, order: Order): Promise<Order & { readonly accepted: boolean }>;
  nothing(ctx: unknown): Promise<void>;
  headers(ctx: unknown): Promise<Record<string, string>>;
  charge(ctx: unknown): Promise<number>;
  refuse(ctx: unknown, status: number): Promise<void>;
  approval(ctx: unknown): Promise<string>;
};
type CounterApi = { add(ctx: unknown, by: number): Promise<number>; get(ctx: unknown): Promise<number> };
type BoardApi = { read(ctx: unknown): Promise<string | null> };
type ReleaseApi = { run(ctx: unknown, version: string): Promise<string> };

const SHOP: clients.ServiceDefinition<"Shop", ShopApi> = { name: "Shop" };
const COUNTER: clients.VirtualObjectDefinition<"Counter", CounterApi> = { name: "Counter" };
const BOARD: clients.VirtualObjectDefinition<"Board", BoardApi> = { name: "Board" };
const RELEASE: clients.WorkflowDefinition<"Release", ReleaseApi> = { name: "Release" };

const directory = mkdtempSync(join(tmpdir(), "holdfast-clients-"));
let server: RunningServer;
let ingress: clients.Ingress;

before(async () => {
  server = await startServer({
    config: loadConfig({ arguments: { data: join(directory, "data"), "ingress.port": 0, "admin.port": 0 } }),
    services: [shop, counter, board, release],
    onWarning: () => {},
  });
  ingress = clients.connect({ url: server.ingressUrl });
});
after(async () => {
  await server.close();
  rmSync(directory, { recursive: true });
});

/** Asks again until there is an answer. */
async function eventually<T>(ask: () => Promise<T | null | undefined>): Promise<T> {
  for (let tries = 0; tries < 1_000; tries++) {
    const answer = await ask();
    if (answer !== null && answer !== undefined) return answer;
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
  }
  assert.fail("nothing came");
}

async function failureOf(call: PromiseLike<unknown>): Promise<clients.HttpCallError> {
  try {
    await call;
  } catch (error) {
    assert.ok(error instanceof clients.HttpCallError, String(error));
    return error;
  }
  assert.fail("the call succeeded");
}

describe("a call", () => {
  it("of a service and of an object brings the handler's result", async () => {
    const order = await ingress.serviceClient(SHOP).order({ item: "tea", count: 2 });
    assert.deepEqual(order, { item: "tea", count: 2, accepted: true });
    assert.equal(await ingress.serviceClient(SHOP).nothing(), undefined);
    const key = "a key/with ünusual ?characters&";
    assert.equal(await ingress.objectClient(COUNTER, key).add(2), 2);
    assert.equal(await ingress.objectClient(COUNTER, key).add(3), 5);
    assert.equal(await ingress.objectClient(COUNTER, key).get(), 5);
  });

  it("by name alone does the same", async () => {
    const json = clients.serde.json as clients.Serde<unknown>;
    const opts = clients.Opts.from({ input: json, output: json });
    const parameter = { item: "tea", count: 1 };
    const answer = await ingress.call({ service: "Shop", handler: "order", parameter, opts });
    assert.deepEqual(answer, { item: "tea", count: 1, accepted: true });
  });

  it("passes headers of the caller's on to the handler", async () => {
    const headers = { "x-my-custom-header": "mine" };
    const seen = await ingress.serviceClient(SHOP).headers(clients.rpc.opts({ headers }));
    assert.equal(seen["x-my-custom-header"], "mine");
  });

  it("with an idempotency key happens once, also when the answer is lost and the client asks again", async () => {
    charged = 0;
    let lost = 0;
    const lossy = clients.connect({
      url: server.ingressUrl,
      retry: { initialInterval: 1, maxAttempts: 3 },
      fetch: async (input, init) => {
        const answer = await fetch(input, init);
        if (lost++ > 0) return answer;
        await answer.arrayBuffer();
        throw new TypeError("the connection broke");
      },
    });
    const opts = clients.rpc.opts({ idempotencyKey: "pay-1" });
    assert.equal(await lossy.serviceClient(SHOP).charge(opts as never), 1);
    assert.equal(await ingress.serviceClient(SHOP).charge(opts as never), 1);
    assert.deepEqual([lost, charged], [2, 1]);
  });
});

describe("a send", () => {
  it("is accepted, and its result can be had by its idempotency key", async () => {
    const client = ingress.serviceSendClient(SHOP);
    const opts = clients.rpc.sendOpts<Order>({ idempotencyKey: "order-1" });
    const sent = await client.order({ item: "tea", count: 3 }, opts);
    assert.deepEqual([sent.status, sent.attachable], ["Accepted", true]);
    assert.match(sent.invocationId, /^inv_1/);
    assert.deepEqual(await ingress.result(sent), { item: "tea", count: 3, accepted: true });
    const again = await client.order({ item: "tea", count: 3 }, opts);
    assert.deepEqual([again.status, again.invocationId], ["PreviouslyAccepted", sent.invocationId]);
  });

  it("with a delay waits for it", async () => {
    const later = clients.rpc.sendOpts<number>({ delay: 3_600_000 });
    const scheduled = await ingress.objectSendClient(COUNTER, "delayed").add(1, later);
    const shown = await request(`${server.adminUrl}/invocations/${scheduled.invocationId}`, {
      method: "GET",
    });
    assert.equal(shown.json.status, "scheduled");
    const soon = clients.rpc.sendOpts<number>({ delay: { milliseconds: 20 }, idempotencyKey: "soon" });
    const sent = await ingress.objectSendClient(COUNTER, "soon").add(4, soon);
    assert.equal(await ingress.result(sent), 4);
  });
});

describe("a workflow", () => {
  it("is submitted once, is not ready before its end, and can be attached to", async () => {
    const client = ingress.workflowClient(RELEASE, "v1");
    const first = await client.workflowSubmit("1.0");
    const second = await client.workflowSubmit("1.0");
    assert.deepEqual([first.status, second.status], ["Accepted", "PreviouslyAccepted"]);
    assert.equal(first.invocationId, second.invocationId);
    assert.equal((await client.workflowOutput()).ready, false);
    const attached = client.workflowAttach();
    const promise = `${server.ingressUrl}/restate/promises/Release/v1/approval/resolve`;
    assert.equal((await request(promise, { json: "kim" })).status, 200);
    assert.equal(await attached, "1.0 by kim");
    assert.deepEqual(await client.workflowOutput(), { ready: true, result: "1.0 by kim" });
    assert.equal(await ingress.result(first), "1.0 by kim");
  });

  it('that was never submitted has no output, and that is no "not yet"', async () => {
    const client = ingress.workflowClient(RELEASE, "never");
    assert.equal((await failureOf(client.workflowOutput())).status, 404);
    assert.equal((await failureOf(client.workflowAttach())).status, 404);
  });
});

describe("an awakeable", () => {
  async function waiting(): Promise<{ readonly id: string; readonly answer: Promise<string> }> {
    const before = await ingress.objectClient(BOARD, "approval").read();
    const answer = Promise.resolve(ingress.serviceClient(SHOP).approval());
    answer.catch(() => {});
    const id = await eventually(async () => {
      const pinned = await ingress.objectClient(BOARD, "approval").read();
      return pinned === before ? undefined : pinned;
    });
    return { id, answer };
  }

  it("is resolved with a value", async () => {
    const { id, answer } = await waiting();
    await ingress.resolveAwakeable(id, { by: "kim" });
    assert.equal(await answer, "kim");
    await ingress.resolveAwakeable(id, { by: "too late, and no error" });
  });

  it("is rejected with a reason", async () => {
    const { id, answer } = await waiting();
    await ingress.rejectAwakeable(id, "too risky");
    const failure = await failureOf(answer);
    assert.equal(failure.status, 500);
    assert.equal(JSON.parse(failure.responseText).message, "too risky");
  });
});

describe("a failure", () => {
  it("of a handler has its status, message and metadata, and is not tried again", async () => {
    charged = 0;
    const stubborn = clients.connect({
      url: server.ingressUrl,
      retry: { initialInterval: 1, maxAttempts: 3 },
    });
    const opts = clients.rpc.opts<number, void>({ idempotencyKey: "refused" });
    const failure = await failureOf(stubborn.serviceClient(SHOP).refuse(503, opts));
    assert.deepEqual([failure.status, charged], [503, 1]);
    const { code, message, source } = JSON.parse(failure.responseText);
    assert.deepEqual([code, message, source], [503, "the card was declined", "invocation"]);
  });

  it("of the call itself says what is wrong with it", async () => {
    const unknown: clients.ServiceDefinition<"Nobody", ShopApi> = { name: "Nobody" };
    const failure = await failureOf(ingress.serviceClient(unknown).nothing());
    assert.equal(failure.status, 404);
    assert.equal(JSON.parse(failure.responseText).source, "ingress");
    const scoped = await failureOf(ingress.scope("tenant").serviceClient(SHOP).nothing());
    assert.equal(scoped.status, 400);
    assert.match(scoped.responseText, /[Ss]cope/);
    const opts = clients.Opts.from<string, Uint8Array>({
      input: clients.serde.json as clients.Serde<string>,
      idempotencyKey: "k",
    });
    const run = { service: "Release", key: "k", handler: "run", parameter: "1", opts };
    assert.equal((await failureOf(ingress.call(run))).status, 400);
  });
});
