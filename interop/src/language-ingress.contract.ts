/** What callers of the real server's ingress get from handlers in every language. */
import assert from "node:assert/strict";
import { it, type TestContext } from "node:test";

import type { EngineProcess } from "./engine-process.contract.ts";
import type { Language } from "./languages.ts";
import type { ServedProgram } from "./served-program.contract.ts";
import type { Mode } from "./suite-titles.ts";
import { withEngine } from "./with-engine.contract.ts";

export function languageIngress(language: Language, mode: Mode, program: () => ServedProgram): void {
  it("is called through the ingress of a server", async (t) => {
    await withEngine(program(), mode, (engine) => callers(t, engine, language));
  });
}

async function callers(t: TestContext, engine: EngineProcess, { handlerName }: Language): Promise<void> {
  const add = `tally/k/${handlerName("add")}`;

  await t.test(
    "once per key of a workflow, which waits for its promise [WorkflowAPI.setAndResolve]",
    async () => {
      const run = `flow/w/${handlerName("run")}`;
      const id = await engine.send(run, "approved by");
      await engine.call(`flow/w/${handlerName("approve")}`, "me");
      assert.equal(await engine.attach(id), "approved by me");
      assert.deepEqual(await engine.submit(run, "again"), { invocationId: id, status: "PreviouslyAccepted" });
    },
  );

  await t.test("once per idempotency key [IngressTest.idempotentInvokeVirtualObject]", async () => {
    assert.deepEqual([await engine.call(add, 2, "once"), await engine.call(add, 2, "once")], [2, 2]);
    assert.equal(await engine.call(add, 2, "twice"), 4);
  });

  await t.test("and sent to once per idempotency key [IngressTest.idempotentInvokeSend]", async () => {
    const first = await engine.submit(add, 1, "sent");
    const second = await engine.submit(add, 1, "sent");
    assert.deepEqual([first.status, second.status], ["Accepted", "PreviouslyAccepted"]);
    assert.equal(second.invocationId, first.invocationId);
    assert.equal(await engine.attach(first.invocationId), 5);
  });
}
