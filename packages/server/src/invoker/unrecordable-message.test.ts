/** A wire lets something through that the log cannot hold. Only the attempt that it came from may suffer. */
import assert from "node:assert/strict";
import { it } from "node:test";

import { encodeMessage, MessageType, type HandlerRef, type SdkMessage } from "@holdfast/protocol";

import { systemClock } from "../clock.ts";
import { LocalClient } from "../embedded/local-client.ts";
import { Engine } from "../engine.ts";
import { MemoryLog } from "../log/memory-log.ts";
import { MemoryStore } from "../store/memory-store.ts";
import { scriptedManifest } from "./scripted-endpoint.contract.ts";
import { eventually } from "./session-harness.contract.ts";
import type { Session, SessionListener, Wire } from "./wire.ts";

const script = {
  bad: { service: "script", handler: "go", kind: "plain" } as HandlerRef<[], undefined>,
  good: { service: "script", handler: "other", kind: "plain" } as HandlerRef<[], undefined>,
};

/** Handlers that end at once; one of them with a message whose type is no number that can be written. */
class LeakyWire implements Wire {
  readonly isReachable = true;
  readonly aborted: string[] = [];

  open({ handler }: { readonly handler: string }, _journal: unknown, listener: SessionListener): Session {
    queueMicrotask(() => {
      const end: SdkMessage = { type: MessageType.End };
      const output: SdkMessage = { type: MessageType.Output, result: { kind: "void" } };
      const bad = { ...output, type: 0.5 } as unknown as SdkMessage;
      listener.onMessage(handler === "go" ? bad : output, encodeMessage(output));
      listener.onMessage(end, encodeMessage(end));
    });
    const ignore = (): void => {};
    const abort = (reason: string): number => this.aborted.push(reason);
    return { deliver: ignore, ackRun: ignore, requestSuspend: ignore, consumed: ignore, abort };
  }

  send(): void {}
  close(): void {}
}

it("a message that cannot be recorded ends its attempt with the reason, and the partition goes on", async () => {
  const failures: Error[] = [];
  const wire = new LeakyWire();
  const engine = await Engine.open({
    clock: systemClock,
    log: await MemoryLog.open(),
    store: await MemoryStore.open(),
    outside: { connect: () => wire, discover: () => Promise.resolve(scriptedManifest) },
    onFailed: (reason) => failures.push(reason),
    onWarning: (message) => failures.push(new Error(message)),
  });
  await engine.propose({
    kind: "register-deployment",
    id: engine.deploymentId(),
    url: "http://script",
    manifest: scriptedManifest,
    metadata: {},
    headers: {},
    force: false,
    breaking: false,
    dryRun: false,
  });
  const client = new LocalClient(engine);
  const { invocationId } = await client.send(script.bad);
  const row = () => engine.tables.invocations.get(invocationId);
  await eventually(() => row()?.status === "paused", "the attempt's end");
  assert.match(row()?.events.at(-1)?.message ?? "", /cannot be recorded as "attempt-messages": uint out of/);
  assert.equal(wire.aborted.length, 1);
  assert.equal(await client.call(script.good), undefined);
  assert.deepEqual(failures, []);
  assert.equal(engine.health().runningAttempts, 0);
  await engine.close();
});
