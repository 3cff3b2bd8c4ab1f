import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import {
  ErrorBehavior,
  MessageType,
  type InvocationDetail,
  type InvocationSummary,
} from "@holdfast/protocol";

import { manifestOf, value } from "../http/fake-engine.ts";
import { assertProblem, DEPLOYMENT, manifest, until } from "../ingress/ingress-rig.ts";
import { AdminRig } from "./admin-rig.ts";

let rig: AdminRig;
before(async () => {
  rig = await AdminRig.start();
});
after(() => rig.close());

const hang = { service: "Greeter", handler: "hang" } as const;

async function detail(id: string): Promise<InvocationDetail> {
  const { status, json } = await rig.get(`/invocations/${id}`);
  assert.equal(status, 200);
  return json as InvocationDetail;
}

describe("deployments", () => {
  it("are registered once, described, and say when they are drained", async () => {
    const url = "http://localhost:7001/base/";
    rig.engine.endpoints.set(
      "http://localhost:7001/base",
      manifestOf([{ name: "Fresh", kind: "service", handlers: [{ name: "a", kind: "plain" }] }]),
    );
    const dry = await rig.send("POST", "/deployments", { url, dryRun: true });
    assert.deepEqual(
      [dry.status, dry.json.created, dry.json.dryRun, dry.json.deployment],
      [200, false, true, undefined],
    );
    assert.equal(dry.json.changes[0].change, "added");
    const first = await rig.send("POST", "/deployments", {
      url,
      additionalHeaders: { "x-secret": "canary" },
    });
    assert.deepEqual([first.status, first.json.created, first.json.deployment.status], [201, true, "active"]);
    assert.deepEqual(first.json.deployment.additionalHeaders, ["x-secret"]);
    assert.doesNotMatch(first.text, /canary/);
    const { id } = first.json.deployment;
    assert.equal(first.headers.get("location"), `/deployments/${id}`);
    const again = await rig.send("POST", "/deployments", { url });
    assert.deepEqual([again.status, again.json.created, again.json.deployment.id], [200, false, id]);

    const running = await rig.invoke({ service: "Fresh", handler: "a" });
    rig.engine.endpoints.set(
      "http://localhost:7002",
      manifestOf([{ name: "Fresh", kind: "service", handlers: [{ name: "b", kind: "plain" }] }]),
    );
    const refused = await rig.send("POST", "/deployments", { url: "http://localhost:7002" });
    assertProblem(refused, 409, "breaking-change", "admin");
    assert.deepEqual(refused.json.details.changes[0].handlersRemoved, ["a"]);
    await rig.send("POST", "/deployments", { url: "http://localhost:7002", breaking: true });
    assert.equal((await rig.get(`/deployments/${id}`)).json.status, "draining");
    assertProblem(await rig.send("DELETE", `/deployments/${id}`), 409, "deployment-in-use", "admin");
    await rig.engine.propose({ kind: "kill", id: running });
    assert.equal((await rig.get(`/deployments/${id.slice(0, 20)}`)).json.status, "drained");
    assert.equal((await rig.send("DELETE", `/deployments/${id}`)).status, 200);
    assertProblem(await rig.get(`/deployments/${id}`), 404, "deployment-not-found", "admin");
  });

  it("can be removed by force", async () => {
    rig.engine.endpoints.set(
      "http://localhost:7003",
      manifestOf([{ name: "Doomed", kind: "service", handlers: [{ name: "a", kind: "plain" }] }]),
    );
    const { json } = await rig.send("POST", "/deployments", { url: "http://localhost:7003" });
    await rig.invoke({ service: "Doomed", handler: "a" });
    const removed = await rig.send("DELETE", `/deployments/${json.deployment.id}?force=true`);
    assert.deepEqual([removed.status, removed.json.invocationsLeft], [200, 1]);
  });

  it("are shown as unreachable when they are", async () => {
    rig.engine.healthNow = { deploymentsUnreachable: [DEPLOYMENT] };
    assert.equal((await rig.get(`/deployments/${DEPLOYMENT}`)).json.reachability.status, "unreachable");
    const id = await rig.invoke(hang);
    assert.equal((await detail(id)).waitingFor?.[0]?.kind, "deployment");
    assert.equal((await rig.get("/health")).json.problems[0].code, "deployment-unavailable");
    rig.engine.healthNow = {};
  });
});

describe("services", () => {
  it("come in a fixed order with every option that is in force", async () => {
    const { json } = await rig.get("/services");
    const names = json.items.map(({ name }: { name: string }) => name);
    assert.deepEqual(names, names.toSorted());
    const counter = (await rig.get("/services/Counter")).json;
    assert.deepEqual(
      counter.handlers.map(({ name, kind }: { name: string; kind: string }) => [name, kind]),
      [
        ["add", "exclusive"],
        ["get", "shared"],
      ],
    );
    assert.equal(counter.handlers[0].retryPolicy.maxAttempts, 70);
    assert.equal(counter.deployments[0].id, DEPLOYMENT);
    assert.deepEqual((await rig.get("/services/Secret")).json.public, false);
  });
});

describe("lists of invocations", () => {
  it("page through memory and store together, newest first, without gaps or repetitions", async () => {
    const own = await AdminRig.start();
    const all: string[] = [];
    for (let round = 0; round < 12; round++) {
      own.engine.time += round % 3 === 0 ? 0 : 1_000;
      for (let index = 0; index < 5; index++) all.push(await own.invoke(hang));
      if (round % 4 === 1) await own.engine.checkpoint();
    }
    // Some of what is stored has changed or gone since.
    for (const id of all.slice(0, 3)) await own.engine.propose({ kind: "kill", id });
    await own.engine.propose({ kind: "purge", id: all[0] ?? "", journalOnly: false });

    const seen: InvocationSummary[] = [];
    let cursor = "";
    do {
      const { json } = await own.get(`/invocations?limit=7${cursor}`);
      seen.push(...json.items);
      cursor = json.nextCursor === undefined ? "" : `&cursor=${json.nextCursor}`;
    } while (cursor !== "");
    assert.deepEqual(seen.map(({ id }) => id).toSorted(), all.slice(1).toSorted());
    const order = seen.map(({ createdAt, id }) => ({ createdAt, id }));
    assert.deepEqual(
      order,
      order.toSorted((a, b) =>
        a.createdAt === b.createdAt ? (a.id < b.id ? -1 : 1) : a.createdAt > b.createdAt ? -1 : 1,
      ),
    );
    const completed = await own.get("/invocations?status=completed&result=failure&failureContains=killed");
    assert.deepEqual(
      completed.json.items.map(({ id }: { id: string }) => id).toSorted(),
      all.slice(1, 3).toSorted(),
    );
    assert.equal(
      (await own.get("/invocations?status=running,paused&limit=1000")).json.items.length,
      all.length - 3,
    );
    await own.close();
  });

  it("are filtered by everything there is a filter for", async () => {
    const own = await AdminRig.start();
    own.engine.handlers.delete("Counter/add");
    const start = own.engine.time;
    const a = await own.invoke({ service: "Counter", handler: "add", key: "a" }, { idempotencyKey: "i" });
    own.engine.time += 10_000;
    const b = await own.invoke({ service: "Counter", handler: "add", key: "a" });
    const c = await own.invoke({ service: "Greeter", handler: "hang" });
    const iso = (at: number): string => new Date(at).toISOString();
    for (const checkpointed of [false, true]) {
      if (checkpointed) await own.engine.checkpoint();
      for (const [query, expected] of [
        ["service=Counter", [a, b]],
        ["service=Counter&status=queued", [b]],
        ["handler=hang", [c]],
        ["key=a", [a, b]],
        ["idempotencyKey=i", [a]],
        ["idPrefix=inv_1", [a, b, c]],
        [`idPrefix=${c.slice(0, 12)}`, [c]],
        [`deployment=${DEPLOYMENT}`, [a, c]],
        [`createdAfter=${iso(start)}`, [b, c]],
        [`createdBefore=${iso(start + 1)}`, [a]],
        ["result=success", []],
      ] as const) {
        const { json } = await own.get(`/invocations?${query}`);
        const found = json.items.map(({ id }: { id: string }) => id);
        assert.deepEqual(
          found.toSorted(),
          [...expected].toSorted(),
          `${query}, checkpointed: ${checkpointed}`,
        );
      }
    }
    await own.close();
  });
});

describe("one invocation", () => {
  it("is found by the beginning of its id, unless several begin so", async () => {
    const id = await rig.invoke(hang);
    assert.equal((await detail(id.slice(0, 16))).id, id);
    for (let index = 0; index < 6; index++) await rig.invoke(hang);
    const ambiguous = await rig.get("/invocations/inv_1");
    assertProblem(ambiguous, 409, "invocation-id-ambiguous", "admin");
    assert.equal(ambiguous.json.details.candidates.length, 5);
    const action = await rig.send("PATCH", `/invocations/${id.slice(0, 16)}/kill`);
    assert.deepEqual([action.status, action.json], [200, { id, action: "kill", outcome: "done" }]);
  });

  it("shows its journal with every command linked to what completed it", async () => {
    const id = await rig.invoke(hang, { input: { app: "shop" } });
    rig.engine.send(id, 1, [
      { type: MessageType.Run, completionId: 1, name: "build", callSite: "deploy.ts:14:9" },
      { type: MessageType.ProposeRunCompletion, completionId: 1, result: value({ image: "i1" }) },
      { type: MessageType.Sleep, completionId: 2, wakeUpAt: rig.engine.time + 60_000 },
      {
        type: MessageType.Call,
        service: "Counter",
        key: "k",
        handler: "get",
        parameter: new Uint8Array(),
        headers: [],
        invocationIdCompletionId: 3,
        completionId: 4,
      },
      {
        type: MessageType.Suspension,
        completions: [2],
        signals: [1, 17],
        namedSignals: [["go", 0]],
      },
    ]);
    await until(async () => (await detail(id)).journal.at(-1)?.type === "CallCompletion");
    const shown = await detail(id);
    assert.deepEqual(
      shown.journal.map(({ type }) => type),
      ["Input", "Run", "RunCompletion", "Sleep", "Call", "CallInvocationIdCompletion", "CallCompletion"],
    );
    const [input, run, runDone, sleep, call] = shown.journal;
    assert.deepEqual(input?.value?.json, { app: "shop" });
    assert.deepEqual(
      [run?.name, run?.callSite, run?.completed, run?.completedBy],
      ["build", "deploy.ts:14:9", true, 2],
    );
    assert.deepEqual([runDone?.value?.json, runDone?.cause], [{ image: "i1" }, "handler"]);
    assert.equal(sleep?.completed, false);
    assert.equal(call?.name, "Counter/k/get");
    assert.equal(shown.callees[0]?.id, call?.invocationId);
    assert.deepEqual(shown.headers, [["x-request-id", "r1"]]);
    assert.deepEqual(
      shown.waitingFor?.map(({ kind, until: end }) => [kind, end]),
      [
        ["timer", new Date(rig.engine.time + 60_000).toISOString()],
        ["awakeable", undefined],
        ["signal", undefined],
      ],
    );
    const page = await rig.get(`/invocations/${id}/journal?from=1&limit=2`);
    assert.deepEqual(
      page.json.items.map(({ index }: { index: number }) => index),
      [1, 2],
    );
    assert.equal(
      (await rig.get(`/invocations/${id}/journal?cursor=${page.json.nextCursor}`)).json.items.length,
      4,
    );
  });

  it("says what it waits for: its start, a lock, the next try, an operator", async () => {
    rig.engine.handlers.delete("Counter/add");
    const scheduled = await rig.invoke(hang, { startAt: rig.engine.time + 60_000 });
    assert.deepEqual(
      (await detail(scheduled)).waitingFor?.[0]?.until,
      new Date(rig.engine.time + 60_000).toISOString(),
    );
    const holder = await rig.invoke({ service: "Counter", handler: "add", key: "lock" });
    await rig.invoke({ service: "Counter", handler: "add", key: "lock" });
    const queued = await rig.invoke({ service: "Counter", handler: "add", key: "lock" });
    const [lock] = (await detail(queued)).waitingFor ?? [];
    assert.deepEqual([lock?.kind, lock?.invocationId], ["lock", holder]);
    assert.match(lock?.detail ?? "", /behind 1 other/);

    const failing = await rig.invoke(hang);
    rig.engine.send(failing, 1, [
      {
        type: MessageType.Error,
        code: 500,
        message: "boom",
        stacktrace: "at x",
        behavior: ErrorBehavior.Retry,
      },
    ]);
    await until(async () => (await detail(failing)).status === "backing-off");
    const retrying = await detail(failing);
    assert.deepEqual([retrying.waitingFor?.[0]?.kind, retrying.lastFailure?.message], ["retry", "boom"]);
    assert.deepEqual(
      [retrying.lastFailure?.errorCode, retrying.lastFailure?.stacktrace],
      ["handler-error", "at x"],
    );
    assert.equal((await rig.send("PATCH", `/invocations/${failing}/pause`)).json.outcome, "done");
    assert.equal((await rig.send("PATCH", `/invocations/${failing}/pause`)).json.outcome, "unchanged");
    assert.equal((await detail(failing)).waitingFor?.[0]?.kind, "operator");
    assert.equal(
      (await rig.send("PATCH", `/invocations/${failing}/resume`, { deployment: "latest" })).status,
      200,
    );
    assert.equal((await detail(failing)).status, "running");
  });

  it("is cancelled, rescheduled, restarted and purged", async () => {
    const scheduled = await rig.invoke(hang, { startAt: rig.engine.time + 60_000 });
    await rig.send("POST", `/invocations/${scheduled}/reschedule`, { delay: "2h" });
    assert.equal((await detail(scheduled)).scheduledAt, new Date(rig.engine.time + 7_200_000).toISOString());
    const past = await rig.invoke(hang, { startAt: rig.engine.time + 60_000 });
    await rig.send("POST", `/invocations/${past}/reschedule`, { at: "1960-01-01" });
    assert.equal((await detail(past)).status, "running");
    assert.deepEqual(rig.engine.proposed.at(-1), { kind: "reschedule", id: past, startAt: 0 });
    const cancelled = await rig.send("PATCH", `/invocations/${scheduled}/cancel`);
    assert.deepEqual([cancelled.status, cancelled.json.outcome], [200, "done"]);
    const running = await rig.invoke(hang);
    const requested = await rig.send("PATCH", `/invocations/${running}/cancel`);
    assert.deepEqual([requested.status, requested.json.outcome], [202, "requested"]);
    assert.equal((await detail(running)).cancelRequested, true);

    await rig.send("PATCH", `/invocations/${running}/kill`);
    const restarted = await rig.send("PATCH", `/invocations/${running}/restart`);
    assert.equal((await detail(restarted.json.newInvocationId)).restartedFrom, running);
    await rig.send("PATCH", `/invocations/${running}/purge`, { journalOnly: true });
    assert.equal((await detail(running)).journalKept, false);
    assertProblem(await rig.get(`/invocations/${running}/journal`), 410, "journal-gone", "admin");
    assertProblem(await rig.send("PATCH", `/invocations/${running}/restart`), 410, "journal-gone", "admin");
    await rig.send("PATCH", `/invocations/${running}/purge`);
    assertProblem(
      await rig.send("PATCH", `/invocations/${running}/purge`),
      404,
      "invocation-not-found",
      "admin",
    );
  });
});

describe("bulk actions", () => {
  it("do it to everything that matches, and tell how far they are and what failed", async () => {
    const own = await AdminRig.start();
    const ids: string[] = [];
    for (let index = 0; index < 120; index++) ids.push(await own.invoke(hang));
    await own.engine.propose({ kind: "kill", id: ids[0] ?? "" });
    const filter = { service: "Greeter", handler: "hang" };
    const dry = await own.send("POST", "/invocations/bulk", { action: "kill", filter, dryRun: true });
    assert.equal(dry.status, 202);
    const finished = async (id: string) => (await own.get(`/invocations/bulk/${id}`)).json.finished === true;
    await until(() => finished(dry.json.id));
    assert.equal((await own.get(`/invocations/bulk/${dry.json.id}`)).json.matched, 120);
    const { json, headers } = await own.send("POST", "/invocations/bulk", { action: "kill", filter });
    assert.equal(headers.get("location"), `/invocations/bulk/${json.id}`);
    await until(() => finished(json.id));
    const progress = (await own.get(`/invocations/bulk/${json.id}`)).json;
    assert.deepEqual([progress.matched, progress.done, progress.failedCount], [120, 119, 1]);
    assert.deepEqual(progress.failed[0].code, "invocation-completed");
    assert.equal((await own.get("/invocations/bulk")).json.items[0].id, json.id);

    const restart = await own.send("POST", "/invocations/bulk", { action: "restart", filter, limit: 10 });
    await until(() => finished(restart.json.id));
    assert.equal((await own.get(`/invocations/bulk/${restart.json.id}`)).json.done, 10);
    assert.equal((await own.get("/invocations?status=running&limit=1000")).json.items.length, 10);
    await own.close();
  });
});

describe("state", () => {
  it("is read, replaced, changed and cleared, always against a version", async () => {
    const path = "/services/Counter/state/s1";
    assert.deepEqual((await rig.get(path)).json, {
      service: "Counter",
      key: "s1",
      version: 0,
      entries: {},
      queued: 0,
    });
    assert.deepEqual((await rig.send("PUT", path, { entries: { count: 1, name: "a" } })).json, {
      version: 1,
    });
    await rig.send("PATCH", path, {
      entries: { count: 2, raw: { $raw: "/w==" } },
      remove: ["name"],
      expectedVersion: 1,
    });
    const { json } = await rig.get(path);
    assert.deepEqual([json.version, json.entries], [2, { count: 2, raw: { $raw: "/w==" } }]);
    assertProblem(
      await rig.send("PATCH", path, { entries: { count: 3 }, expectedVersion: 1 }),
      409,
      "state-version-conflict",
      "admin",
    );
    const both = await Promise.all(
      [1, 2, 3].map((n) => rig.send("PATCH", path, { entries: { [`p${n}`]: n } })),
    );
    assert.deepEqual(
      both.map(({ status }) => status),
      [200, 200, 200],
    );
    assert.deepEqual(Object.keys((await rig.get(path)).json.entries).toSorted(), [
      "count",
      "p1",
      "p2",
      "p3",
      "raw",
    ]);
    assert.equal((await rig.send("DELETE", `${path}?expectedVersion=5`)).status, 200);
    assert.deepEqual((await rig.get(path)).json.entries, {});
  });

  it("is listed key by key", async () => {
    for (const key of ["x1", "x2", "x3"])
      await rig.send("PUT", `/services/Counter/state/${key}`, { entries: { a: 1 } });
    const first = await rig.get("/services/Counter/state?limit=2");
    const second = await rig.get(`/services/Counter/state?limit=1000&cursor=${first.json.nextCursor}`);
    const keys = [...first.json.items, ...second.json.items].map(({ key }: { key: string }) => key);
    assert.deepEqual(keys, keys.toSorted());
    assert.equal(new Set(keys).size, keys.length);
    assert.ok(["x1", "x2", "x3"].every((key) => keys.includes(key)));
  });
});

describe("promises", () => {
  it("are listed with those that nobody has touched, peeked at, and settled once", async () => {
    await rig.invoke({ service: "Deploy", handler: "run", key: "p1" });
    const list = (await rig.get("/services/Deploy/promises/p1")).json.items;
    assert.deepEqual(
      list.map(({ name, status }: { name: string; status: string }) => [name, status]),
      [
        ["approval", "pending"],
        ["anything", "pending"],
      ],
    );
    const path = "/services/Deploy/promises/p1/approval";
    assertProblem(await rig.send("POST", `${path}/resolve`, { nobody: 1 }), 400, "input-invalid", "admin");
    assert.equal((await rig.send("POST", `${path}/resolve`, { by: "ada" })).json.settled, "now");
    assert.equal((await rig.send("POST", `${path}/resolve`, { by: "ada" })).json.settled, "already");
    assertProblem(
      await rig.send("POST", `${path}/reject`, { message: "no" }),
      409,
      "promise-already-completed",
      "admin",
    );
    assert.deepEqual((await rig.get(path)).json.value.json, { by: "ada" });
  });
});

describe("the server itself", () => {
  it("is healthy, or says why not", async () => {
    const { status, json } = await rig.get("/health?counts=true");
    assert.deepEqual([status, json.status, json.problems], [200, "ok", []]);
    assert.ok(json.invocations.running > 0);
    rig.engine.healthNow = { status: "failed", reason: "the log cannot be written" };
    const failed = await rig.get("/health");
    assert.deepEqual([failed.status, failed.json.problems[0].message], [503, "the log cannot be written"]);
    rig.engine.healthNow = {};
    assert.equal((await rig.get("/version")).json.version, "0.1.0");
    assert.equal((await rig.get("/limits")).status, 200);
  });

  it("does not lose its services when it is asked about them", () => {
    assert.deepEqual(rig.engine.tables.service("Greeter")?.manifest, manifest.services[0]);
  });
});
