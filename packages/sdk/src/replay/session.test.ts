import assert from "node:assert/strict";
import { describe, test } from "node:test";

import {
  encodeValue,
  ErrorBehavior,
  MessageType,
  type Command,
  type JournalMessage,
  type Notification,
} from "@holdfast/protocol";

import { CancelledError, TerminalError } from "../errors.ts";
import { drive, errorIn, failureIn, valueOf } from "./drive.contract.ts";
import { echo } from "./replay-programs.ts";

const INPUT: JournalMessage = {
  type: MessageType.Input,
  headers: [["X-Tenant", "t1"]],
  value: encodeValue("in"),
};
const CANCEL: Notification = { type: MessageType.Signal, index: 1, result: { kind: "void" } };

function run(completionId: number, name: string, callSite?: string): Command {
  return { type: MessageType.Run, completionId, name, ...(callSite === undefined ? {} : { callSite }) };
}

function ran(completionId: number, value: unknown): Notification {
  return {
    type: MessageType.RunCompletion,
    completionId,
    result: { kind: "value", value: encodeValue(value) },
  };
}

describe("what a handler is told", () => {
  test("its input, headers in lower case, and who it is", async () => {
    const { engine } = drive(
      (ctx, input) => [
        input,
        ctx.headers.get("x-tenant"),
        ctx.key,
        ctx.attempt,
        ctx.idempotencyKey,
        ctx.invocationId.length,
      ],
      { engine: { journal: [INPUT] } },
    );
    assert.deepEqual(valueOf(await engine.run()), ["in", "t1", "", 1, undefined, 38]);
  });

  test("logs are written once: silent while it replays", async () => {
    const journal = [INPUT, run(1, "a"), ran(1, 1)];
    const { engine, logged } = drive(
      async (ctx) => {
        ctx.log.info("before");
        await ctx.run("a", () => 1);
        ctx.log.warn("after", { n: 1 });
      },
      { engine: { journal } },
    );
    await engine.run();
    assert.deepEqual(
      logged.map(({ level, message, fields }) => [level, message, fields]),
      [["warn", "after", { n: 1 }]],
    );
  });
});

describe("a journal that the code does not match", () => {
  const deployments = { recordedOn: "dp_old", deployment: "dp_new" };

  test("another step: names both, both places, both deployments, the cause and the ways out", async () => {
    const journal = [
      INPUT,
      run(1, "build", "deploy.ts:3:9"),
      ran(1, 1),
      run(2, "migrate", "deploy.ts:4:9"),
      ran(2, 2),
    ];
    const { engine } = drive(
      async (ctx) => {
        await ctx.run("build", () => 1);
        await ctx.run("notify", () => 1);
      },
      { engine: { journal, deployments } },
    );
    const error = errorIn(await engine.attempt());
    assert.equal(error.code, 570);
    assert.deepEqual([error.relatedCommandIndex, error.relatedCommandName], [2, "migrate"]);
    const lines = error.message.split("\n");
    assert.match(
      lines[0] ?? "",
      /^The code of tested\/run no longer matches the journal of inv_1\w+, at command 2\.$/,
    );
    assert.equal(lines[1], '  recorded: run "migrate" (deploy.ts:4:9)');
    assert.match(lines[2] ?? "", /^ {2}now: {6}run "notify" \(session\.test\.ts:\d+:\d+\)$/);
    assert.equal(lines[3], "  recorded on deployment dp_old, running on dp_new");
    assert.equal(lines[4], 'Likely cause: run "migrate" was renamed or replaced.');
    assert.match(
      lines.slice(5).join("\n"),
      /1\. finish it on the code .*--deployment dp_old\n.*2\. .*\n.*3\. .*restart/,
    );
  });

  test("a step that was removed, and one that was inserted", async () => {
    const journal = [INPUT, run(1, "a"), ran(1, 1), run(2, "b"), ran(2, 2)];
    const removed = drive(async (ctx) => ctx.run("b", () => 1), { engine: { journal, deployments } });
    const other = errorIn(await removed.engine.attempt());
    assert.match(other.message, /Likely cause: run "a" was removed, or moved behind run "b"\./);

    const inserted = drive(
      async (ctx) => {
        await ctx.sleep("1s", "wait");
        return ctx.run("a", () => 1);
      },
      { engine: { journal, deployments } },
    );
    assert.match(
      errorIn(await inserted.engine.attempt()).message,
      /Likely cause: sleep "wait" was inserted before run "a"\./,
    );
  });

  test("the same code: the handler decides by something that is not recorded", async () => {
    const journal = [INPUT, run(1, "a"), ran(1, 1)];
    const { engine } = drive((ctx) => ctx.run("b", () => 1), { engine: { journal } });
    assert.match(errorIn(await engine.attempt()).message, /decides by something that is not recorded/);
  });

  test("another payload: shows the field that differs", async () => {
    const call: Command = {
      type: MessageType.Call,
      service: "echo",
      handler: "back",
      key: "",
      parameter: encodeValue("old"),
      headers: [],
      invocationIdCompletionId: 1,
      completionId: 2,
    };
    const { engine } = drive((ctx) => ctx.call(echo.back, "new"), {
      engine: { journal: [INPUT, call], deployments },
    });
    const { message } = errorIn(await engine.attempt());
    assert.match(message, /they differ in parameter: "old" was recorded, "new" is issued now/);
    assert.match(message, /Likely cause: what is passed to it is computed differently now/);
  });

  test("returning while steps are recorded, and waiting for something that the journal does not hold", async () => {
    const journal = [INPUT, run(1, "a"), ran(1, 1), run(2, "b")];
    const returned = drive(async (ctx) => ctx.run("a", () => 1), { engine: { journal } });
    assert.match(errorIn(await returned.engine.attempt()).message, /recorded: run "b"\n {2}now: {6}return/);

    const waiting = drive(
      async (ctx) => {
        await ctx.run("a", () => 1);
        await ctx.awakeable().promise;
      },
      { engine: { journal } },
    );
    assert.match(
      errorIn(await waiting.engine.attempt()).message,
      /now: {6}wait for ctx\.awakeable\("sign_1[\w-]+"\) without it/,
    );
  });

  test("awaiting something of its own between two steps is no mismatch", async () => {
    const journal = [INPUT, run(1, "a"), ran(1, 1), run(2, "b"), ran(2, 2)];
    const { engine } = drive(
      async (ctx) => {
        const first = await ctx.run("a", () => 0);
        await new Promise((resolve) => setTimeout(resolve, 5));
        return first + (await ctx.run("b", () => 0));
      },
      { engine: { journal } },
    );
    assert.equal(valueOf(await engine.run()), 3);
  });
});

describe("the end of a handler", () => {
  test("work that nobody ever awaited is an error that names it", async () => {
    const { engine } = drive(async (ctx) => {
      void ctx.run("forgotten", () => new Promise(() => {}));
      return "done";
    });
    const error = errorIn(await engine.attempt());
    assert.equal(error.behavior, ErrorBehavior.Pause);
    assert.match(
      error.message,
      /UnawaitedOperationError: the handler returned while ctx\.run\("forgotten"\) was still going on/,
    );

    const call = drive(async (ctx) => void ctx.call(echo.back, "x"));
    assert.match(
      errorIn(await call.engine.attempt()).message,
      /ctx\.call\("echo\/back"\).*write `await`, or use ctx\.send/,
    );
  });

  test("a loser of a race is none, and neither is a send", async () => {
    const signals: AbortSignal[] = [];
    const { engine } = drive(async (ctx) => {
      void ctx.send(echo.back, "x");
      const slow = ctx.run("slow", ({ signal }) => {
        signals.push(signal);
        return new Promise(() => {});
      });
      return Promise.race([slow, ctx.run("fast", () => "fast")]);
    });
    assert.equal(valueOf(await engine.run()), "fast");
    assert.equal(signals[0]?.aborted, true);
  });

  test("an ordinary throw ends the attempt, a result that cannot be stored pauses", async () => {
    const thrown = drive(() => {
      throw new RangeError("odd");
    });
    const error = errorIn(await thrown.engine.attempt());
    assert.deepEqual(
      [error.code, error.behavior, error.message],
      [500, ErrorBehavior.Retry, "RangeError: odd"],
    );

    const unstorable = drive(() => Symbol("x"));
    assert.equal(errorIn(await unstorable.engine.attempt()).behavior, ErrorBehavior.Pause);
  });

  test("an attempt that died between output and end records the same output again", async () => {
    const output: Command = { type: MessageType.Output, result: { kind: "value", value: encodeValue(1) } };
    const { engine } = drive(() => 1, { engine: { journal: [INPUT, output] } });
    assert.equal(valueOf(await engine.run()), 1);
    assert.equal(engine.journal.length, 2);

    const failed = drive(() => Promise.reject(new TerminalError("no")));
    assert.equal(failureIn(await failed.engine.run()).message, "no");
    const again = drive(() => Promise.reject(new TerminalError("no")), {
      engine: { journal: failed.engine.journal },
    });
    assert.equal(failureIn(await again.engine.run()).message, "no");
  });
});

describe("undo", () => {
  test("takes back what was done, last first, and leaves out what recorded that it did nothing", async () => {
    const undone: unknown[] = [];
    const undo = (result: unknown): void => void undone.push(result);
    const { engine } = drive(async (ctx) => {
      await ctx.run("a", () => "A", { undo });
      await ctx.run("b", () => Promise.reject(new TerminalError("b")), { undo }).catch(() => {});
      await ctx.run("c", () => "C", { undo: { run: undo, retry: { attempts: 2 } } });
      throw new TerminalError("over");
    });
    assert.equal(failureIn(await engine.run()).message, "over");
    assert.deepEqual(undone, ["C", "A"]);
    assert.deepEqual(
      engine.commands.map((command) => command.name),
      [undefined, "a", "b", "c", "undo c", "undo a", undefined],
    );
  });

  test("does not happen on an attempt that is tried again, nor after success", async () => {
    const undone: string[] = [];
    const { engine } = drive(async (ctx) => {
      await ctx.run("a", () => "A", { undo: () => undone.push("a") });
      if (ctx.attempt === 1) throw new Error("transient");
      return "fine";
    });
    assert.equal(valueOf(await engine.run()), "fine");
    assert.deepEqual(undone, []);
  });

  test("tells in the failure what could not be undone, and goes on with the rest", async () => {
    const { engine } = drive(async (ctx) => {
      await ctx.run("a", () => 1, { undo: () => undefined });
      await ctx.run("b", () => 1, { undo: () => Promise.reject(new TerminalError("gone")) });
      throw new TerminalError("over");
    });
    const failure = failureIn(await engine.run());
    assert.equal(new Map(failure.metadata).get("holdfast.not-undone"), "b: gone");
    assert.equal(engine.commands.length, 6);
  });

  test("a step that a cancel interrupted is undone without a result", async () => {
    const undone: unknown[] = [];
    const { engine } = drive(
      (ctx) =>
        ctx.run(
          "slow",
          ({ signal }) =>
            new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("aborted")))),
          {
            undo: (result) => void undone.push(result),
          },
        ),
      { engine: { signals: [CANCEL] } },
    );
    assert.deepEqual([failureIn(await engine.run()).code, undone], [409, [undefined]]);
  });
});

describe("cancelling", () => {
  test("throws from everything under way, aborts steps, and afterwards work goes on as usual", async () => {
    const reasons: unknown[] = [];
    const { engine } = drive(
      async (ctx) => {
        const step = ctx.run("slow", ({ signal }) => {
          signal.addEventListener("abort", () => reasons.push(signal.reason));
          return new Promise(() => {});
        });
        const outcomes = await Promise.allSettled([step, ctx.sleep("1h"), ctx.awakeable().promise]);
        const errors = outcomes.map(
          (outcome) => outcome.status === "rejected" && outcome.reason instanceof CancelledError,
        );
        return [errors, await ctx.run("clean up", () => "clean")];
      },
      {
        engine: {
          signals: [CANCEL],
          choose: (ready) =>
            ready.findIndex((one) => one === CANCEL || one.type === MessageType.RunCompletion),
        },
      },
    );
    assert.deepEqual(valueOf(await engine.run()), [[true, true, true], "clean"]);
    assert.ok(reasons[0] instanceof CancelledError);
  });

  test("that finds nothing under way is thrown by the next wait, once", async () => {
    const { engine } = drive(
      async (ctx) => {
        await new Promise((resolve) => setTimeout(resolve, 10));
        const first = await ctx.run("a", () => 1).catch((error: Error) => error.name);
        return [first, await ctx.run("b", () => 2)];
      },
      { engine: { signals: [CANCEL] } },
    );
    assert.deepEqual(valueOf(await engine.run()), ["CancelledError", 2]);
  });

  test("a callee that became known only afterwards is cancelled", async () => {
    const { engine } = drive((ctx) => ctx.call(echo.back, "x"), {
      engine: { signals: [CANCEL], choose: (ready) => Math.max(0, ready.indexOf(CANCEL)) },
    });
    const caught = drive(
      async (ctx) => {
        await ctx.call(echo.back, "x").catch(() => {});
        await ctx.run("clean up", () => 1);
        await ctx.run("more", () => 1);
      },
      { engine: { signals: [CANCEL], choose: (ready) => Math.max(0, ready.indexOf(CANCEL)) } },
    );
    assert.equal(failureIn(await engine.run()).message, "Cancelled");
    await caught.engine.run();
    const signals = caught.engine.commands.filter((command) => command.type === MessageType.SendSignal);
    assert.deepEqual(
      signals.map(({ target, index }) => [target, index]),
      [["inv_of_2", 1]],
    );
  });

  test("a second cancel does not interrupt the undoing", async () => {
    const { engine } = drive(
      async (ctx) => {
        await ctx.run("a", () => 1, { undo: () => new Promise((resolve) => setTimeout(resolve, 10)) });
        await ctx.sleep("1h");
      },
      {
        engine: {
          signals: [CANCEL, CANCEL],
          choose: (ready) => ready.findIndex((one) => one.type !== MessageType.SleepCompletion),
        },
      },
    );
    assert.equal(failureIn(await engine.run()).code, 409);
    assert.ok(engine.commands.some((command) => command.name === "undo a"));
  });
});
