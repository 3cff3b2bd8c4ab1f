/** Idempotency keys, and calls that wait for themselves. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { checkTables } from "@holdfast/engine";
import { object, service } from "@holdfast/sdk";

import { createTestEngine } from "../testing.ts";
import { rowOf, statusOf } from "./semantics-rig.contract.ts";

describe("an idempotency key", () => {
  let runs = 0;
  const pay = service("pay", {
    charge: async (ctx, cents: number) => {
      await ctx.run("charge", () => {
        runs += 1;
      });
      return `charged ${cents}`;
    },
    refund: async (_ctx, cents: number) => `refunded ${cents}`,
  });
  const account = object("account", {
    charge: async (ctx, cents: number) => `${ctx.key} charged ${cents}`,
  });

  it("makes calls of the same handler one call, at the same time and later", async () => {
    runs = 0;
    await using engine = await createTestEngine({ services: [pay] });
    const options = { idempotencyKey: "order 1" };
    const results = await Promise.all([1, 2, 3].map(() => engine.call(pay.charge, 5, options)));
    assert.deepEqual(results, ["charged 5", "charged 5", "charged 5"]);
    assert.equal(await engine.call(pay.charge, 5, options), "charged 5");
    assert.equal(runs, 1);
    const first = await engine.send(pay.charge, 5, options);
    assert.equal((await engine.send(pay.charge, 5, options)).invocationId, first.invocationId);
  });

  it("with another input is a conflict, not the old answer", async () => {
    await using engine = await createTestEngine({ services: [pay] });
    await engine.call(pay.charge, 5, { idempotencyKey: "order 1" });
    await assert.rejects(engine.call(pay.charge, 6, { idempotencyKey: "order 1" }), {
      code: "idempotency-conflict",
      status: 409,
      message: /different body/,
    });
  });

  it("belongs to one handler and one key", async () => {
    await using engine = await createTestEngine({ services: [pay, account] });
    const options = { idempotencyKey: "order 1" };
    assert.equal(await engine.call(pay.charge, 5, options), "charged 5");
    assert.equal(await engine.call(pay.refund, 6, options), "refunded 6");
    assert.equal(await engine.call(account.charge, "a", 7, options), "a charged 7");
    assert.equal(await engine.call(account.charge, "b", 8, options), "b charged 8");
  });

  it("holds over a crash and a checkpoint, and is forgotten after its retention", async () => {
    runs = 0;
    const options = { idempotencyKey: "order 1" };
    const first = await createTestEngine({ services: [pay] });
    await first.call(pay.charge, 5, options);
    await first.engine.checkpoint();
    await using engine = await first.restart();
    await engine.advance("23h");
    assert.equal(await engine.call(pay.charge, 5, options), "charged 5");
    assert.equal(runs, 1);
    await engine.advance("2h");
    assert.equal(await engine.call(pay.charge, 6, options), "charged 6");
    assert.equal(runs, 2);
  });

  it("given by a handler makes its calls one call; another input fails the call with 409", async () => {
    runs = 0;
    const caller = service("caller", {
      twice: async (ctx) =>
        Promise.all([5, 5].map((cents) => ctx.call(pay.charge, cents, { idempotencyKey: "order 1" }))),
      differently: async (ctx) => ctx.call(pay.charge, 6, { idempotencyKey: "order 1" }),
    });
    await using engine = await createTestEngine({ services: [pay, caller] });
    assert.deepEqual(await engine.call(caller.twice), ["charged 5", "charged 5"]);
    assert.equal(runs, 1);
    await assert.rejects(engine.call(caller.differently), { status: 409, message: /different input/ });
  });
});

describe("a call that could never start because it waits for itself", () => {
  const box = object("box", {
    callSelf: async (ctx): Promise<string> => ctx.call(box.pass, ctx.key) as Promise<string>,
    callOther: async (ctx, other: string): Promise<string> =>
      ctx.call(box.callBack, other, ctx.key) as Promise<string>,
    callBack: async (ctx, other: string): Promise<string> => ctx.call(box.pass, other) as Promise<string>,
    viaService: async (ctx): Promise<string> => ctx.call(relay.pass, ctx.key) as Promise<string>,
    sendSelf: async (ctx): Promise<string> => (await ctx.send(box.pass, ctx.key)).invocationId,
    hold: async (ctx) => ctx.sleep("1h"),
    pass: async () => "passed",
  });
  const relay = service("relay", {
    pass: async (ctx, key: string): Promise<string> => ctx.call(box.pass, key) as Promise<string>,
  });

  it("on the same key fails at once and names the lock, its holder and the way out", async () => {
    await using engine = await createTestEngine({ services: [box, relay] });
    const handle = await engine.send(box.callSelf, "k");
    await assert.rejects(handle.attach(), (error: Error) => {
      assert.match(
        error.message,
        /^Deadlock: box\/k\/callSelf \(inv_\w+\) calls an exclusive handler of box\/k/,
      );
      assert.ok(error.message.includes(handle.invocationId));
      assert.match(error.message, /Use ctx\.send/);
      return true;
    });
    assert.equal(await engine.call(box.pass, "k"), "passed");
    assert.deepEqual(checkTables(engine.engine.tables).problems, []);
  });

  it("round two objects fails with the chain", async () => {
    await using engine = await createTestEngine({ services: [box, relay] });
    await assert.rejects(engine.call(box.callOther, "a", "b"), {
      message:
        /Deadlock: box\/a is held by box\/a\/callOther .*, which waits for box\/b\/callBack .*, which now calls box\/a/,
    });
    assert.equal(await engine.call(box.pass, "a"), "passed");
    assert.equal(await engine.call(box.pass, "b"), "passed");
  });

  it("through a service without a lock is found as well", async () => {
    await using engine = await createTestEngine({ services: [box, relay] });
    await assert.rejects(engine.call(box.viaService, "k"), { message: /Deadlock: .*relay\/pass/ });
  });

  it("closed by two calls that cross fails one of them, and the other gets on", async () => {
    await using engine = await createTestEngine({ services: [box, relay] });
    const outcomes = await Promise.allSettled([
      engine.call(box.callBack, "a", "b"),
      engine.call(box.callBack, "b", "a"),
    ]);
    const failed = outcomes.filter(({ status }) => status === "rejected");
    assert.ok(failed.length <= 1, "both failed");
    if (failed[0]?.status === "rejected") assert.match(String(failed[0].reason), /Deadlock/);
  });

  it("is no deadlock when it is a send: it runs behind its sender", async () => {
    await using engine = await createTestEngine({ services: [box, relay] });
    const id = await engine.call(box.sendSelf, "k");
    assert.equal(await engine.handle(id).attach(), "passed");
  });

  it("is no deadlock when the holder merely takes long", async () => {
    await using engine = await createTestEngine({ services: [box, relay] });
    await engine.send(box.hold, "k");
    const handle = await engine.send(relay.pass, "k");
    await engine.advance("10m");
    assert.equal(statusOf(engine, handle.invocationId), "suspended");
    await engine.advance("1h");
    assert.equal(await handle.attach(), "passed");
    assert.equal(rowOf(engine, handle.invocationId).result?.kind, "value");
  });
});
