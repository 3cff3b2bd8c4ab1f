/** The client against a real server, whose handlers are served by another endpoint over the native wire. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import {
  handler,
  object,
  serve,
  service,
  shared,
  TerminalError,
  workflow,
  type ServedEndpoint,
} from "@holdfast/sdk";
import { loadConfig, startServer, type RunningServer } from "@holdfast/server";
import { z } from "zod";

import { connect, InvocationFailedError, type Client } from "./index.ts";

const mail = service("mail", {
  send: handler({ input: z.object({ to: z.string() }) }, async (ctx, { to }) =>
    ctx.run("send", () => ({ to, at: new Date(5) })),
  ),
  refuse: async () => {
    throw new TerminalError("declined", { code: "card-declined", status: 402, data: { left: 3n } });
  },
  ask: async (ctx) => {
    const { id, promise } = ctx.awakeable<string>();
    await ctx.run("tell", () => asked.push(id));
    return promise;
  },
});
const asked: string[] = [];

const counter = object(
  "counter",
  { state: { count: z.number() } },
  {
    add: async (ctx, amount: number) => {
      const count = ((await ctx.state.get("count")) ?? 0) + amount;
      ctx.state.set("count", count);
      return count;
    },
    read: shared({}, (ctx) => ctx.state.get("count")),
  },
);

const release = workflow(
  "release",
  { input: z.object({ app: z.string() }), promises: { approval: z.object({ at: z.date() }) } },
  async (ctx, { app }) => {
    const approval = await ctx.promise("approval").get({ timeout: "1h" });
    if (!approval.ok) throw new TerminalError("not approved");
    return `${app} at ${approval.value.at.getTime()}`;
  },
);

const directory = mkdtempSync(join(tmpdir(), "holdfast-client-"));
let endpoint: ServedEndpoint;
let server: RunningServer;
let client: Client;

before(async () => {
  endpoint = await serve({ services: [mail, counter, release], port: 0 });
  server = await startServer({
    config: loadConfig({ arguments: { data: join(directory, "data"), "ingress.port": 0, "admin.port": 0 } }),
    onWarning: () => {},
  });
  client = connect({ url: server.ingressUrl, adminUrl: server.adminUrl });
  const { created, deployment } = await client.admin.deployments.register({ url: endpoint.url });
  assert.ok(created);
  assert.equal(deployment?.wire, "native");
});

after(async () => {
  await server.close();
  await endpoint.close();
  rmSync(directory, { recursive: true });
});

async function until<Value>(look: () => Promise<Value | undefined> | Value | undefined): Promise<Value> {
  for (let tries = 0; tries < 500; tries++) {
    const value = await look();
    if (value !== undefined) return value;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error("not within five seconds");
}

describe("calling", () => {
  test("values arrive as what they are", async () => {
    assert.deepEqual(await client.call(mail.send, { to: "kim" }), { to: "kim", at: new Date(5) });
    assert.deepEqual(await client.services(), ["counter", "mail", "release"]);
  });

  test("objects are addressed by key, and an idempotency key makes two calls one", async () => {
    assert.equal(await client.call(counter.add, "a/b", 2), 2);
    assert.equal(await client.call(counter.add, "a/b", 3, { idempotencyKey: "x" }), 5);
    assert.equal(await client.call(counter.add, "a/b", 3, { idempotencyKey: "x" }), 5);
    assert.equal(await client.call(counter.read, "a/b"), 5);
  });

  test("failures carry code, name and data", async () => {
    await assert.rejects(client.call(mail.refuse), (error) => {
      assert.ok(error instanceof InvocationFailedError);
      assert.deepEqual(
        [error.code, error.status, error.data, error.errorName],
        ["card-declined", 402, { left: 3n }, "TerminalError"],
      );
      return true;
    });
    await assert.rejects(client.call(mail.send, {} as { to: string }), { source: "ingress", status: 400 });
  });

  test("a send is attached to later, or cancelled", async () => {
    const sent = await client.send(mail.send, { to: "lee" });
    assert.equal(((await sent.attach()) as { to: string }).to, "lee");
    assert.equal((await sent.output())?.value.to, "lee");

    const delayed = await client.send(counter.add, "later", 1, { delay: "1h" });
    assert.ok(delayed.executionTime !== undefined);
    assert.equal(await delayed.output(), undefined);
    await delayed.cancel();
    await assert.rejects(delayed.attach(), { status: 409, source: "invocation" });
  });

  test("an awakeable is settled by whoever knows its id, once", async () => {
    const sent = await client.send(mail.ask);
    const id = await until(() => asked[0]);
    assert.equal(await client.resolveAwakeable(id, "hello"), true);
    assert.equal(await sent.attach(), "hello");
    assert.equal(await client.resolveAwakeable(id, "again"), false);
  });
});

test("a workflow is submitted, approved and attached to", async () => {
  const run = client.workflow(release, "shop@1");
  assert.equal((await run.submit({ app: "shop" })).status, "Accepted");
  assert.equal((await run.submit({ app: "shop" })).status, "PreviouslyAccepted");
  assert.equal(await run.output(), undefined);
  const approval = client.promise(release, "shop@1", "approval");
  assert.deepEqual(await approval.peek(), { ok: false, reason: "pending" });
  const at = new Date(7);
  assert.deepEqual(await approval.resolve({ at }), { first: true, outcome: { ok: true, value: { at } } });
  assert.deepEqual(await run.promise("approval").reject("too late"), {
    first: false,
    outcome: { ok: true, value: { at } },
  });
  assert.equal(await run.attach(), "shop at 7");
  assert.deepEqual(await run.output(), { value: "shop at 7" });
});

describe("operating", () => {
  test("invocations are listed, read with their journals, and acted on", async () => {
    const sent = await client.send(counter.add, "op", 1, { delay: "1h" });
    const found = [];
    for await (const { id, status } of client.admin.invocations.each({
      service: "counter",
      status: ["scheduled"],
    })) {
      found.push([id, status]);
    }
    assert.deepEqual(found, [[sent.invocationId, "scheduled"]]);
    await client.admin.invocations.reschedule(sent.invocationId);
    assert.equal(await sent.attach(), 1);
    const detail = await client.admin.invocations.get(sent.invocationId);
    assert.deepEqual(
      [detail.status, detail.result, detail.journal[0]?.type],
      ["completed", "success", "Input"],
    );
    const { items } = await client.admin.invocations.journal(sent.invocationId, { from: 1 });
    assert.match(items[0]?.callSite ?? "", /^whole\.test\.ts:\d+:\d+$/);
    const purged = await client.admin.invocations.purge(sent.invocationId);
    assert.equal(purged.outcome, "done");
  });

  test("a bulk action is started, followed and finished", async () => {
    await client.send(counter.add, "bulk", 1, { delay: "1h" });
    await client.send(counter.add, "bulk", 2, { delay: "1h" });
    const started = await client.admin.invocations.bulk({ action: "cancel", filter: { key: "bulk" } });
    const finished = await until(async () => {
      const progress = await client.admin.invocations.bulkProgress(started.id);
      return progress.finished ? progress : undefined;
    });
    assert.deepEqual([finished.matched, finished.done, finished.failedCount], [2, 2, 0]);
    assert.equal((await client.admin.invocations.bulkActions()).length, 1);
  });

  test("state is read, patched and cleared, with a version against lost updates", async () => {
    await client.call(counter.add, "state", 5);
    const { entries, version } = await client.admin.state.get("counter", "state");
    assert.deepEqual(entries, { count: 5 });
    await client.admin.state.patch("counter", "state", { entries: { count: 9 }, expectedVersion: version });
    assert.equal(await client.call(counter.read, "state"), 9);
    const stale = client.admin.state.patch("counter", "state", {
      entries: { count: 1 },
      expectedVersion: version,
    });
    await assert.rejects(stale, { code: "state-version-conflict", source: "admin" });
    await client.admin.state.clear("counter", "state");
    assert.equal(await client.call(counter.read, "state"), undefined);
    assert.ok((await client.admin.state.list("counter")).items.some(({ key }) => key === "a/b"));
  });

  test("deployments, services, promises and the server itself can be looked at", async () => {
    const [deployment] = await client.admin.deployments.list();
    assert.equal((await client.admin.deployments.get(deployment?.id ?? "")).url, endpoint.url);
    assert.deepEqual((await client.admin.services.list()).map(({ name }) => name).toSorted(), [
      "counter",
      "mail",
      "release",
    ]);
    assert.equal((await client.admin.services.get("release")).kind, "workflow");
    const [approval] = await client.admin.promises("release", "shop@1");
    assert.deepEqual([approval?.name, approval?.status], ["approval", "resolved"]);
    assert.equal((await client.admin.health()).status, "ok");
    assert.match((await client.admin.version()).runtime, /^node\//);
    assert.ok((await client.admin.limits()).length > 0);
    assert.ok((await client.admin.config()).length > 0);
    await assert.rejects(client.admin.deployments.get("dp_1nope"), { source: "admin" });
  });
});
