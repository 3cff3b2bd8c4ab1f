import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";

import { HoldfastError, MessageType } from "@holdfast/protocol";

import { value } from "../../http/fake-engine.ts";
import { DEPLOYMENT, until } from "../../ingress/ingress-rig.ts";
import { AdminRig } from "../admin-rig.ts";

let rig: AdminRig;
const ids: Record<string, string> = {};
const UNKNOWN = `inv_1${"0".repeat(33)}`;
const STATES = ["completed", "running", "queued", "scheduled", "paused", "workflow"];

before(async () => {
  rig = await AdminRig.start();
});
after(() => rig.close());

/** To be called in each suite: hooks outside of one would serve the tests of every file. */
function freshForEachTest(): void {
  beforeEach(async () => {
    const key = `k${Math.random()}`;
    rig.engine.handlers.delete("Counter/add");
    ids["completed"] = await rig.invoke({ service: "Greeter", handler: "echo" });
    ids["running"] = await rig.invoke({ service: "Counter", handler: "add", key });
    ids["queued"] = await rig.invoke({ service: "Counter", handler: "add", key });
    ids["scheduled"] = await rig.invoke(
      { service: "Greeter", handler: "echo" },
      { startAt: rig.engine.time + 60_000 },
    );
    ids["paused"] = await rig.invoke({ service: "Greeter", handler: "hang" });
    await rig.engine.propose({ kind: "pause", id: ids["paused"] });
    ids["workflow"] = await rig.invoke({ service: "Deploy", handler: "run", key });
    await rig.engine.propose({ kind: "kill", id: ids["workflow"] });
  });
}

const idOf = (state: string): string => ids[state] ?? UNKNOWN;
const statusOf = (id: string): string | undefined => rig.engine.tables.invocations.get(id)?.status;

describe("a change of an invocation", () => {
  freshForEachTest();
  /** Statuses for an invocation that is completed, running, queued, scheduled, paused, a killed workflow, unknown. */
  const table: ReadonlyArray<readonly [path: string, statuses: readonly number[]]> = [
    ["PATCH {id}/cancel", [409, 202, 200, 200, 202, 409, 404]],
    ["PATCH {id}/kill", [409, 200, 200, 200, 200, 409, 404]],
    ["PATCH {id}/pause", [409, 202, 409, 409, 200, 409, 404]],
    ["PATCH {id}/resume", [409, 200, 425, 425, 200, 409, 404]],
    ["PATCH {id}/resume?deployment=latest", [409, 200, 425, 425, 200, 409, 404]],
    ["PATCH {id}/purge", [200, 409, 409, 409, 409, 200, 404]],
    ["PATCH {id}/purge-journal", [200, 409, 409, 409, 409, 200, 404]],
    ["PATCH {id}/restart-as-new", [200, 409, 425, 425, 409, 422, 404]],
    ["DELETE {id}", [409, 202, 202, 202, 202, 409, 404]],
    ["DELETE {id}?mode=Kill", [409, 202, 202, 202, 202, 409, 404]],
    ["DELETE {id}?mode=Purge", [202, 409, 409, 409, 409, 202, 404]],
  ];
  for (const [request, statuses] of table) {
    for (const [index, state] of [...STATES, "unknown"].entries()) {
      it(`${request} of one that is ${state}: ${statuses[index]}`, async () => {
        const [method = "", path = ""] = request.split(" ");
        const answer = await rig.send(method, `/v3/invocations/${path.replace("{id}", idOf(state))}`);
        assert.equal(answer.status, statuses[index], answer.text);
        if (answer.status < 300 && !path.includes("restart")) assert.equal(answer.text, "");
        if (answer.status >= 300) assert.deepEqual(Object.keys(answer.json), ["message", "restate_code"]);
      });
    }
  }

  it("does what it says", async () => {
    await rig.send("PATCH", `/v3/invocations/${idOf("running")}/kill`);
    assert.equal(statusOf(idOf("running")), "completed");
    await rig.send("PATCH", `/invocations/${idOf("paused")}/resume?deployment=${DEPLOYMENT}`);
    assert.equal(statusOf(idOf("paused")), "running");
    await rig.send("PATCH", `/invocations/${idOf("completed")}/purge-journal`);
    assert.equal(rig.engine.tables.invocations.get(idOf("completed"))?.journalLength, 0);
    const gone = await rig.send("PATCH", `/invocations/${idOf("completed")}/restart-as-new`);
    assert.deepEqual([gone.status, gone.json.restate_code], [410, null]);
    await rig.send("DELETE", `/invocations/${idOf("completed")}?mode=Purge`);
    assert.equal(statusOf(idOf("completed")), undefined);
  });

  const refusals: ReadonlyArray<readonly [string, string, number]> = [
    ["PATCH /v3/invocations/nonsense/kill", "an id that is none", 400],
    ["DELETE /v3/invocations/nonsense", "an id that is none", 400],
    ["DELETE /v3/invocations/{running}?mode=Explode", "a mode that is none", 400],
    ["PATCH /v3/invocations/{paused}/resume?deployment=nonsense", "a deployment that is none", 404],
    ["PATCH /v3/invocations/{completed}/restart-as-new?from=x", "an entry that is no number", 400],
    ["PATCH /v3/invocations/{completed}/restart-as-new?from=99", "an entry behind the end", 400],
    ["PATCH /v3/invocations/{completed}/explode", "a change that is none", 404],
  ];
  for (const [request, what, status] of refusals) {
    it(`is refused for ${what}: ${request} ${status}`, async () => {
      const [method = "", path = ""] = request.split(" ");
      const answer = await rig.send(
        method,
        path.replace(/\{(\w+)\}/, (_, state: string) => idOf(state)),
      );
      assert.equal(answer.status, status, answer.text);
      assert.equal(answer.json.restate_code, null);
    });
  }
});

describe("restarting as new", () => {
  freshForEachTest();

  it("keeps the journal up to an entry, whether that is a command or what came of one", async () => {
    const id = await rig.invoke({ service: "Greeter", handler: "hang" });
    await until(() => statusOf(id) === "running");
    rig.engine.send(id, 1, [
      { type: MessageType.Run, completionId: 1, name: "build" },
      { type: MessageType.ProposeRunCompletion, completionId: 1, result: value("i1") },
      { type: MessageType.Run, completionId: 2, name: "migrate" },
    ]);
    await rig.engine.propose({ kind: "kill", id });
    for (const [from, entries] of [
      [0, 1],
      [1, 3],
      [2, 3],
    ] as const) {
      const answer = await rig.send(
        "PATCH",
        `/v3/invocations/${id}/restart-as-new?from=${from}&deployment=keep`,
      );
      assert.equal(answer.status, 200, answer.text);
      const restarted = rig.engine.tables.invocations.get(answer.json.new_invocation_id);
      assert.deepEqual([restarted?.source, restarted?.journalLength], [{ kind: "restart", id }, entries]);
    }
    const open = await rig.send("PATCH", `/v3/invocations/${id}/restart-as-new?from=3`);
    assert.deepEqual([open.status, open.json.restate_code], [400, null], "a step that has no result");
  });
});

describe("changing many invocations", () => {
  freshForEachTest();
  const batch = (change: string, body: unknown) =>
    rig.send("POST", `/internal/invocations_batch_operations/${change}`, body);

  it("tells for each whether it was done", async () => {
    const asked = [idOf("running"), idOf("queued"), idOf("completed"), UNKNOWN, "nonsense"];
    const { status, json } = await batch("kill", { invocation_ids: asked });
    assert.equal(status, 200);
    assert.deepEqual(json.succeeded, [idOf("running"), idOf("queued")]);
    assert.deepEqual(
      json.failed.map((each: { invocation_id: string }) => each.invocation_id),
      [idOf("completed"), UNKNOWN, "nonsense"],
    );
    for (const { error } of json.failed) assert.match(error, /\w+/);
  });

  for (const change of ["cancel", "pause", "resume", "purge", "purge-journal", "restart-as-new"]) {
    it(`knows ${change}`, async () => {
      const state = { purge: "completed", "purge-journal": "completed", "restart-as-new": "completed" }[
        change
      ];
      const id = idOf(state ?? (change === "resume" ? "paused" : "running"));
      const { json } = await batch(change, { invocation_ids: [id] });
      assert.deepEqual(json.failed, []);
      assert.equal(json.succeeded.length, 1);
      if (change === "restart-as-new") assert.equal(json.succeeded[0].old_invocation_id, id);
      else assert.deepEqual(json.succeeded, [id]);
    });
  }

  it("takes a thousand at most, only changes that there are, and only what it can read", async () => {
    const many = Array.from({ length: 1_001 }, () => UNKNOWN);
    assert.equal((await batch("kill", { invocation_ids: many })).status, 400);
    assert.equal((await batch("explode", { invocation_ids: [] })).status, 404);
    assert.equal((await batch("kill", {})).status, 422);
    assert.equal((await batch("kill", { invocation_ids: [7] })).status, 422);
    const some = await batch("kill", { invocation_ids: many.slice(1) });
    assert.deepEqual([some.status, some.json.failed.length], [200, 1_000]);
  });

  it("ends with the server's own trouble as a whole", async () => {
    rig.engine.refusal = new HoldfastError("disk-full", {});
    const answer = await batch("kill", { invocation_ids: [idOf("running")] });
    rig.engine.refusal = undefined;
    assert.deepEqual([answer.status, answer.json.restate_code], [507, null]);
  });
});
