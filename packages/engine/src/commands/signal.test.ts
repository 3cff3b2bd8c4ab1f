import assert from "node:assert/strict";
import { test } from "node:test";

import { encodeMessage, MessageType, type Message } from "@holdfast/protocol";

import { Partition } from "../partition/apply.ts";
import type { RecordBody } from "../record.ts";
import { Tables } from "../tables/tables.ts";

/** A partition with a service `s` whose handlers `caller` and `callee` are driven by hand. */
function partition(): (body: RecordBody) => void {
  const world = new Partition(new Tables({ get: () => undefined, scan: () => [] }));
  const apply = (body: RecordBody): void => {
    const { outcome } = world.apply({ at: 1, body });
    assert.ok(outcome.ok, JSON.stringify(outcome));
  };
  apply({
    kind: "register-deployment",
    id: "dp_1",
    url: "in-process:test",
    manifest: {
      wires: ["in-process"],
      sdk: "test",
      runtime: "test",
      services: [
        {
          name: "s",
          kind: "service",
          handlers: [
            { name: "caller", kind: "plain" },
            { name: "callee", kind: "plain" },
          ],
        },
      ],
    },
    metadata: {},
    headers: {},
    force: false,
    breaking: false,
    dryRun: false,
  });
  return Object.assign(apply, { tables: world.tables });
}

function message(sent: Message): { type: number; body: Uint8Array; message: Message } {
  return { type: sent.type, body: encodeMessage(sent), message: sent };
}

test("a cancelled caller that passes the cancel on does not cancel its callee a second time", () => {
  const apply = partition() as ((body: RecordBody) => void) & { tables: Tables };
  const input = encodeMessage({ type: MessageType.Input, headers: [], value: new Uint8Array(0) });
  const target = { service: "s", handler: "caller", key: "", kind: "plain" } as const;
  apply({
    kind: "invoke",
    id: "inv_caller",
    target,
    input,
    inputHash: 0,
    idempotencyKey: undefined,
    startAt: 0,
    source: { kind: "ingress", id: "" },
  });
  const call = message({
    type: MessageType.Call,
    service: "s",
    handler: "callee",
    key: "",
    parameter: new Uint8Array(0),
    headers: [],
    invocationIdCompletionId: 1,
    completionId: 2,
  });
  apply({
    kind: "attempt-messages",
    id: "inv_caller",
    attempt: 1,
    messages: [call],
    childIds: ["inv_callee"],
  });
  apply({ kind: "cancel", id: "inv_caller" });
  const before = apply.tables.invocations.get("inv_callee")?.journalLength;
  const passOn = message({
    type: MessageType.SendSignal,
    target: "inv_callee",
    index: 1,
    result: { kind: "void" },
  });
  apply({ kind: "attempt-messages", id: "inv_caller", attempt: 1, messages: [passOn], childIds: [] });
  assert.equal(before, 2, "the input and one cancel");
  assert.equal(apply.tables.invocations.get("inv_callee")?.journalLength, before);
});
