import assert from "node:assert/strict";
import { describe, it } from "node:test";

import {
  decodeMessage,
  encodeMessage,
  ErrorBehavior,
  MessageType,
  type SdkMessage,
} from "@holdfast/protocol";
import { service, TerminalError } from "@holdfast/sdk";

import { rowOf } from "../embedded/semantics-rig.contract.ts";
import { createTestEngine } from "../testing.ts";
import { boundFailure } from "./bounded-failure.ts";

const HUGE = "x".repeat(1_000_000);

function bounded(message: SdkMessage): SdkMessage {
  const sent = boundFailure(message, encodeMessage(message));
  assert.deepEqual(decodeMessage(sent.message.type, sent.body), sent.message, "both forms say the same");
  return sent.message;
}

describe("when a failed attempt is tried again", () => {
  it("is never at once, whatever the handler asks for", () => {
    const error = { type: MessageType.Error, code: 500, message: "no", stacktrace: "" } as const;
    const asked = (nextRetryDelayMs?: number): SdkMessage =>
      bounded({
        ...error,
        behavior: ErrorBehavior.Retry,
        ...(nextRetryDelayMs === undefined ? {} : { nextRetryDelayMs }),
      });
    assert.partialDeepStrictEqual(asked(0), { nextRetryDelayMs: 10 });
    assert.partialDeepStrictEqual(asked(11), { nextRetryDelayMs: 11 });
    assert.ok(!("nextRetryDelayMs" in asked()));
  });
});

describe("what is kept of a failure", () => {
  it("has a bounded text, whatever the handler put into it, and says how much there was", async () => {
    const flow = service("flow", {
      fail: async () => {
        throw new Error(HUGE);
      },
      step: async (ctx) =>
        ctx.run(
          "step",
          () => {
            throw new Error(HUGE);
          },
          { retry: { initial: "1s" } },
        ),
    });
    await using engine = await createTestEngine({ services: [flow] });
    for (const target of [flow.fail, flow.step]) {
      const { invocationId } = await engine.send(target);
      await engine.advance("10s");
      const row = rowOf(engine, invocationId);
      const [step] = row.open.values();
      const text = step?.lastFailure ?? row.lastFailure?.message ?? "";
      assert.ok(text.length > 10_000 && text.length < 20_000, `${text.length}`);
      assert.match(text, /… \(10000\d\d characters\)$/);
      assert.ok((row.lastFailure?.stacktrace ?? "").length < 20_000);
    }
  });

  it("is what it was when it is short, or when it is an outcome", async () => {
    const error: SdkMessage = {
      type: MessageType.Error,
      code: 500,
      message: "down",
      stacktrace: "at night",
      behavior: ErrorBehavior.Retry,
    };
    assert.equal(bounded(error), error);
    const flow = service("flow", {
      end: async () => {
        throw new TerminalError(HUGE);
      },
    });
    await using engine = await createTestEngine({ services: [flow] });
    await assert.rejects(engine.call(flow.end), { message: HUGE });
  });

  it("is text that can be written, also when it is cut within a character", () => {
    const rockets = "🚀".repeat(20_000);
    const { message: text = "", stacktrace = "" } = bounded({
      type: MessageType.Error,
      code: 500,
      message: rockets,
      stacktrace: `x${rockets}`,
      behavior: ErrorBehavior.Retry,
    }) as { message?: string; stacktrace?: string };
    assert.ok(text.isWellFormed() && stacktrace.isWellFormed());
  });
});
