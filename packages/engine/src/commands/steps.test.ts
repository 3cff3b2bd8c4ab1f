import assert from "node:assert/strict";
import { test } from "node:test";

import { MessageType } from "@holdfast/protocol";

import { sessionMessage } from "../testing/attempt.ts";
import { describeEffect, describeEntry } from "../testing/describe.ts";
import { service } from "../testing/handlers.ts";
import { World } from "../testing/world.ts";

function world(): World {
  return new World({ services: [service("mail", ["send"])] });
}

function journal(w: World, id: string): string[] {
  return w.tables.journal(w.tables.invocations.get(id) ?? assert.fail()).map(describeEntry);
}

test("a step's first result is its result: proposed again it is acknowledged and nothing else", () => {
  const w = world();
  const id = w.invoke("mail/send");
  const a = w.attempt(id);
  const step = a.run("smtp");
  a.propose(step, "sent");
  const before = journal(w, id);
  w.checkpoint();
  const { outcome, effects } = w.apply({
    kind: "attempt-messages",
    id,
    attempt: 1,
    childIds: [],
    messages: [
      sessionMessage({
        type: MessageType.ProposeRunCompletion,
        completionId: step,
        result: { kind: "void" },
      }),
    ],
  });
  assert.ok(outcome.ok);
  assert.deepEqual(effects.map(describeEffect), [`ack-run ${id}#1 ${step}`]);
  assert.deepEqual(journal(w, id), before);
});

test("a result of a step that was never begun is not acknowledged: nothing of it is recorded", () => {
  const w = world();
  const id = w.invoke("mail/send");
  w.attempt(id).propose(1, "sent");
  const { status, lastFailure, journalLength } = w.tables.invocations.get(id) ?? assert.fail();
  assert.deepEqual([status, lastFailure?.code, journalLength], ["paused", "protocol-violation", 1]);
});
