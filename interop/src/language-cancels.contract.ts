/** Handlers that wait for ever, and are ended from outside. */
import assert from "node:assert/strict";
import { it } from "node:test";

import type { Language } from "./languages.ts";
import type { OpenServed } from "./served-program.contract.ts";
import { eventually, fresh, ref } from "./world.contract.ts";

export function languageCancels({ handlerName }: Language, open: OpenServed): void {
  const sample = (handler: string): string => `sample/${handlerName(handler)}`;

  it("cleans up in a step when it is cancelled, and so does who it waits for [Cancellation.cancelFromAdminAPI × CALL]", async () => {
    const { program, world } = await open();
    const name = fresh("called");
    const caller = await world.client.send(ref(sample("caller")), name);
    await eventually(() => program.said(name).includes("waits"), "the callee");
    await caller.cancel();
    await assert.rejects(caller.attach(), { status: 409 });
    const said = ["waits", "waiter cleaned up", "caller cleaned up"];
    await eventually(() => program.said(name).length >= said.length, "the clean-up");
    assert.deepEqual(program.said(name).toSorted(), said.toSorted());
  });

  it("hears of a cancel while it waits for an awakeable [Cancellation.cancelFromAdminAPI × AWAKEABLE]", async () => {
    const { program, world } = await open();
    const name = fresh("awaiting");
    const waiter = await world.client.send(ref(sample("waiter")), name);
    await eventually(() => program.said(name).includes("waits"), "the wait");
    await waiter.cancel();
    await assert.rejects(waiter.attach(), { status: 409 });
    assert.deepEqual(program.said(name), ["waits", "waiter cleaned up"]);
  });

  it("hears of a cancel while it sleeps [Cancellation.cancelFromAdminAPI × SLEEP]", async () => {
    const { world } = await open();
    const sleeper = await world.client.send(ref(sample("nap")), 3_600_000);
    await eventually(() => world.countOf(sleeper.invocationId, "Sleep") === 1, "the sleep");
    await sleeper.cancel();
    await assert.rejects(sleeper.attach(), { status: 409 });
  });

  it("is killed without a word, with who it waits for [KillInvocation.kill]", async () => {
    const { program, world } = await open();
    const name = fresh("killed");
    const caller = await world.client.send(ref(sample("caller")), name);
    await eventually(() => program.said(name).includes("waits"), "the callee");
    await world.propose({ kind: "kill", id: caller.invocationId });
    await assert.rejects(caller.attach(), { status: 409, message: "killed" });
    await eventually(() => world.engine.health().runningAttempts === 0, "the end of the callee");
    assert.deepEqual(program.said(name), ["waits"]);
  });
}
