import assert from "node:assert/strict";
import { test } from "node:test";

import { encodeValue, MessageType, type JournalMessage, type Notification } from "@holdfast/protocol";

import type { Context } from "../context.ts";
import { drive, errorIn, valueOf } from "./drive.contract.ts";
import type { AttemptEnd } from "./fake-engine.ts";
import { echo } from "./replay-programs.ts";

/** Delivers nothing by itself. */
const silent = { choose: () => undefined };

function suspensionIn(end: AttemptEnd): Extract<AttemptEnd, { readonly kind: "suspended" }>["suspension"] {
  assert.equal(end.kind, "suspended", JSON.stringify(end));
  return end.kind === "suspended" ? end.suspension : assert.fail();
}

test("asked to suspend, a waiting handler lists everything it awaits, and always the cancel", async () => {
  const { engine } = drive(
    async (ctx) => {
      const { promise } = ctx.awakeable();
      ctx.awakeable(); // Nobody awaits this one.
      const first = ctx.signal("go");
      return Promise.race([promise, first, ctx.signal("other"), ctx.call(echo.back, "x"), ctx.sleep("2s")]);
    },
    { engine: silent },
  );
  assert.deepEqual(suspensionIn(await engine.attempt()), {
    type: MessageType.Suspension,
    completions: [2, 3],
    signals: [1, 17],
    namedSignals: [
      ["go", 0],
      ["other", 0],
    ],
  });
});

test("a named signal is listed with how many of its name were consumed", async () => {
  const go: Notification = {
    type: MessageType.Signal,
    signalName: "go",
    result: { kind: "value", value: encodeValue(1) },
  };
  const input: JournalMessage = { type: MessageType.Input, headers: [], value: encodeValue(undefined) };
  const { engine } = drive(
    async (ctx) => [await ctx.signal("go"), await ctx.signal("go"), await ctx.signal("go")],
    {
      engine: { ...silent, journal: [input, go, go] },
    },
  );
  assert.deepEqual(suspensionIn(await engine.attempt()).namedSignals, [["go", 2]]);
});

test("a step that runs is finished and acknowledged first", async () => {
  let finish = (): void => {};
  const { engine } = drive(async (ctx) => {
    const value = await ctx.run(
      "slow",
      () => new Promise<string>((resolve) => (finish = () => resolve("done"))),
    );
    await ctx.awakeable().promise;
    return value;
  });
  const session = engine.begin();
  await rounds(2);
  session.receive({ type: MessageType.SuspendRequest });
  await rounds(5);
  assert.equal(engine.end, undefined, "the step still runs");
  finish();
  await rounds(5);
  assert.equal(engine.end, undefined, "its result is not recorded yet");
  session.receive({ type: MessageType.RunAck, completionId: 1 });
  await rounds(5);
  assert.deepEqual(suspensionIn(engine.end ?? assert.fail()).signals, [1, 17]);
});

test("where acknowledgements cannot come, it suspends on the step it proposed a result for", async () => {
  const { engine } = drive((ctx) => ctx.run("a", () => 1), {
    engine: silent,
    environment: { acknowledges: false },
  });
  assert.deepEqual(suspensionIn(await engine.attempt()).completions, [1]);
});

test("a handler that does not wait for anything durable is left alone", async () => {
  const { engine } = drive(async () => {
    await rounds(20);
    return "done";
  });
  assert.equal(valueOf(await engine.attempt()), "done");
});

test("a long sleep suspends without being asked, a short one does not", async () => {
  const long = drive((ctx) => ctx.sleep("5s"), { engine: silent });
  long.engine.begin();
  await rounds(3);
  assert.equal(long.engine.end?.kind, "suspended");

  const short = drive((ctx) => ctx.sleep("4999ms"), { engine: silent });
  short.engine.begin();
  await rounds(3);
  assert.equal(short.engine.end, undefined);
});

test("a long sleep beside a step suspends once the step is recorded", async () => {
  const { engine } = drive((ctx) => Promise.all([ctx.sleep("3d"), ctx.run("a", () => 1)]), {
    engine: silent,
  });
  const session = engine.begin();
  await rounds(4);
  assert.equal(engine.end, undefined);
  session.receive({ type: MessageType.RunAck, completionId: 2 });
  await rounds(4);
  assert.deepEqual(suspensionIn(engine.end ?? assert.fail()).completions, [1]);
});

test("a long sleep beside something that may come at any moment waits to be asked", async () => {
  const { engine } = drive((ctx) => Promise.race([ctx.sleep("3d"), ctx.awakeable().promise]), {
    engine: silent,
  });
  engine.begin();
  await rounds(5);
  assert.equal(engine.end, undefined);
});

test("a step that only waits for its next execution leaves that waiting to the engine, at once when it is long", async () => {
  const never = { environment: { timers: { set: () => () => {} } } };
  const flaky = (ctx: Context, initial: "10m" | "1s"): Promise<never> =>
    ctx.run("flaky", () => Promise.reject(new Error("no")), { retry: { initial, max: "1h" } });

  const long = drive((ctx) => flaky(ctx, "10m"), never);
  long.engine.begin();
  await rounds(5);
  const error = errorIn(long.engine.end ?? assert.fail());
  assert.deepEqual([error.nextRetryDelayMs, error.relatedCommandName], [600_000, "flaky"]);

  const short = drive((ctx) => flaky(ctx, "1s"), never);
  const session = short.engine.begin();
  await rounds(5);
  assert.equal(short.engine.end, undefined);
  session.receive({ type: MessageType.SuspendRequest });
  await rounds(5);
  assert.equal(errorIn(short.engine.end ?? assert.fail()).nextRetryDelayMs, 1_000);

  const beside = drive(
    (ctx) => Promise.race([flaky(ctx, "10m"), ctx.awakeable().promise, ctx.sleep("30s")]),
    never,
  );
  const asked = beside.engine.begin();
  await rounds(5);
  assert.equal(beside.engine.end, undefined, "the awakeable may be settled at any moment");
  asked.receive({ type: MessageType.SuspendRequest });
  await rounds(5);
  assert.equal(errorIn(beside.engine.end ?? assert.fail()).nextRetryDelayMs, 30_000);
});

test("an aborted attempt sends nothing more, and its signals fire", async () => {
  const aborted: string[] = [];
  const { engine } = drive(async (ctx) => {
    ctx.abortSignal.addEventListener("abort", () => aborted.push("attempt"));
    await ctx.run("slow", ({ signal }) => {
      signal.addEventListener("abort", () => aborted.push("step"));
      return new Promise((resolve) => signal.addEventListener("abort", resolve));
    });
  });
  const session = engine.begin();
  await rounds(2);
  session.abort("killed");
  await rounds(5);
  assert.deepEqual(aborted, ["step", "attempt"]);
  assert.equal(engine.end, undefined);
  assert.equal(engine.control.length, 0);
});

test("what the engine must not send is answered with a protocol violation", async () => {
  const { engine } = drive((ctx) => ctx.awakeable().promise, { engine: silent });
  const session = engine.begin();
  await rounds(2);
  session.receive({ type: MessageType.RunAck, completionId: 9 });
  await rounds(2);
  assert.ok(engine.end !== undefined);
  assert.deepEqual(
    [errorIn(engine.end).code, errorIn(engine.end).message],
    [571, "protocol violation: an acknowledgement of step 9, for which nothing was proposed"],
  );
});

async function rounds(count: number): Promise<void> {
  for (let index = 0; index < count; index++) await new Promise((resolve) => setImmediate(resolve));
}
