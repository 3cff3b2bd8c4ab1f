/**
 * The id of an awakeable is the right to complete it. It is made of its invocation's id, so what matters is whether that can
 * be guessed.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";

import { FIRST_AWAKEABLE_SIGNAL, formatAwakeableId, parseInvocationId } from "@holdfast/protocol";

import { systemClock } from "../clock.ts";
import { loadConfig } from "../config.ts";
import { InvocationIds } from "../partition/invocation-ids.ts";
import { authenticationOf } from "./auth/from-config.ts";
import { assertProblem, IngressRig } from "./ingress-rig.ts";

const SAMPLES = 4_000;
const plain = { service: "S", handler: "h", key: "", isRun: false };
const keyed = { ...plain, key: "k" };
const workflow = { service: "W", handler: "run", key: "order-17", isRun: true };
const idempotent = { ...plain, idempotencyKey: "payment-17" };
/** Where the random bytes are: partition key (8) and ULID (6 of time, 10 random). */
const RANDOM_OF_KEYED = [14, 24] as const;
const RANDOM_OF_PLAIN = [0, 8] as const;

function rawIds(address: typeof plain): Uint8Array[] {
  // One instant for all of them: time must not be what makes them differ.
  const ids = new InvocationIds(() => 1_900_000_000_000);
  return Array.from({ length: SAMPLES }, () => {
    const raw = parseInvocationId(ids.forInvocation(address));
    assert.ok(raw !== undefined);
    return raw;
  });
}

/** Every bit is set in half of the samples. Six standard deviations: one run in a million fails by chance. */
function assertRandom(raws: readonly Uint8Array[], [from, to]: readonly [number, number]): void {
  const allowed = 6 * Math.sqrt(SAMPLES / 4);
  for (let byte = from; byte < to; byte++) {
    for (let bit = 0; bit < 8; bit++) {
      const set = raws.filter((raw) => (((raw[byte] ?? 0) >> bit) & 1) === 1).length;
      assert.ok(Math.abs(set - SAMPLES / 2) < allowed, `byte ${byte} bit ${bit}: ${set} of ${SAMPLES}`);
    }
  }
  const texts = new Set(raws.map((raw) => Buffer.from(raw.subarray(from, to)).toString("hex")));
  assert.equal(texts.size, SAMPLES);
}

describe("the id of an awakeable", () => {
  it("of a plain service's call has 144 random bits, and of an object's 80 beside the time", () => {
    const plainIds = rawIds(plain);
    assertRandom(plainIds, RANDOM_OF_PLAIN);
    assertRandom(plainIds, RANDOM_OF_KEYED);
    assertRandom(rawIds(keyed), RANDOM_OF_KEYED);
  });

  it("of a workflow, and of a call with an idempotency key, follows from that key when there is no secret", () => {
    const [here, there] = [new InvocationIds(Date.now), new InvocationIds(Date.now)];
    for (const address of [workflow, idempotent]) {
      const known = formatAwakeableId(there.forInvocation(address), FIRST_AWAKEABLE_SIGNAL);
      assert.equal(formatAwakeableId(here.forInvocation(address), FIRST_AWAKEABLE_SIGNAL), known);
    }
  });

  it("follows from key and secret when there is one, and from the key alone no more", () => {
    for (const address of [workflow, idempotent]) {
      const ids = ["", "secret-1", "secret-2", "secret-1"].map((secret) =>
        new InvocationIds(Date.now, secret).forInvocation(address),
      );
      assert.equal(new Set(ids).size, 3);
      assert.equal(ids[1], ids[3]);
    }
    const secretIds = new InvocationIds(Date.now, "secret");
    const raws = Array.from({ length: SAMPLES }, (_, n) =>
      parseInvocationId(secretIds.forInvocation({ ...workflow, key: String(n) })),
    ).filter((raw) => raw !== undefined);
    assertRandom(raws, [8, 24]);
  });
});

describe("completing an awakeable", () => {
  const id = formatAwakeableId(new InvocationIds(Date.now).forInvocation(plain), FIRST_AWAKEABLE_SIGNAL);

  it("needs a caller with a name where callers have names: the id alone is not enough", async (t) => {
    const tokens = [`ada=${createHash("sha256").update("of-ada").digest("hex")}`];
    const { values } = loadConfig({ arguments: { "ingress.auth": "token", "ingress.tokens": tokens } });
    const rig = await IngressRig.start(() => ({
      authenticate: authenticationOf(values, systemClock, () => {}),
    }));
    t.after(() => rig.close());
    for (const verb of ["resolve", "reject"]) {
      assertProblem(await rig.request(`/restate/awakeables/${id}/${verb}`, { json: 1 }), 401, "unauthorized");
    }
    assert.deepEqual(
      rig.engine.proposed.filter(({ kind }) => kind === "signal"),
      [],
    );
    const headers = { authorization: "Bearer of-ada" };
    const answer = await rig.request(`/restate/awakeables/${id}/resolve`, { json: 1, headers });
    assert.deepEqual([answer.status, answer.json], [202, { status: "ignored" }]);
  });

  it("cannot be used to send the engine's own signals, cancel among them", async (t) => {
    const rig = await IngressRig.start();
    t.after(() => rig.close());
    const invocation = new InvocationIds(Date.now).forInvocation(plain);
    for (let index = 0; index < FIRST_AWAKEABLE_SIGNAL; index++) {
      const path = `/restate/awakeables/${formatAwakeableId(invocation, index)}/resolve`;
      assertProblem(await rig.request(path, { json: 1 }), 400, "awakeable-id-invalid");
    }
    assert.deepEqual(
      rig.engine.proposed.filter(({ kind }) => kind === "signal"),
      [],
    );
  });

  it("leaves no trace of the id: nothing is printed, and answers lead a browser nowhere", async (t) => {
    const printed: unknown[] = [];
    for (const method of ["log", "info", "warn", "error", "debug"] as const) {
      t.mock.method(console, method, (...words: unknown[]) => void printed.push(words));
    }
    const rig = await IngressRig.start();
    t.after(() => rig.close());
    for (const text of [id, `${id}x`, "sign_1"]) {
      const answer = await rig.request(`/restate/awakeables/${text}/resolve`, {
        body: "{",
        headers: { "content-type": "application/json" },
      });
      assert.equal(answer.headers.get("location"), null);
      assert.deepEqual(
        [answer.headers.get("content-type"), answer.headers.get("x-content-type-options")],
        ["application/json", "nosniff"],
      );
    }
    assert.deepEqual(printed, []);
  });
});
