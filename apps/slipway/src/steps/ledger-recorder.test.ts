import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";

import { LedgerRecorder, type StepNews } from "./ledger-recorder.ts";

const STEP = { deployment: "shop-1", name: "build", key: "inv_1:3" };

describe("the ledger", () => {
  let directory = "";
  const news: StepNews[] = [];
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "slipway-ledger-"));
    news.length = 0;
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  /** A run of the program. A crash between two of them forgets everything but the file. */
  function run(name: string): LedgerRecorder {
    const clock = { now: () => 1_000, sleep: () => Promise.resolve() };
    return new LedgerRecorder({ clock, directory, run: name, onNews: (each) => news.push(each) });
  }

  const path = (): string => join(directory, "shop-1", "ledger.jsonl");
  const eventsIn = (recorder: LedgerRecorder): string[] =>
    recorder.lines("shop-1").map((line) => `${line.run} ${line.event}`);

  it("answers for a step that had finished when the crash came", async () => {
    let executions = 0;
    const work = (): { digest: string } => ({ digest: `sha256:${++executions}` });
    assert.deepEqual(await run("one").record(STEP, work), { digest: "sha256:1" });

    const second = run("two");
    assert.deepEqual(await second.record(STEP, work), { digest: "sha256:1" });
    assert.equal(executions, 1);
    assert.deepEqual(eventsIn(second), ["one begin", "one done", "two recalled"]);
  });

  it("runs a step again that had only begun", async () => {
    void run("one").record(STEP, () => new Promise(() => undefined));
    assert.equal(await run("two").record(STEP, () => 7), 7);
    assert.deepEqual(eventsIn(run("three")), ["one begin", "two begin", "two done"]);
  });

  it("passes on a failure, and runs the step again when it is asked to", async () => {
    const recorder = run("one");
    await assert.rejects(
      recorder.record(STEP, () => {
        throw new Error("no");
      }),
      /^Error: no$/,
    );
    assert.equal(await recorder.record(STEP, () => "yes"), "yes");
    assert.deepEqual(
      news.map(({ event, note }) => [event, note]),
      [
        ["begin", undefined],
        ["failed", "no"],
        ["begin", undefined],
        ["done", ""],
      ],
    );
  });

  it("is readable behind half a line that a power failure left", async () => {
    await run("one").record(STEP, () => 1);
    appendFileSync(path(), '{"at":1,"run":"one","st');
    const second = run("two");
    await second.record({ ...STEP, key: "inv_1:4" }, () => 2);
    assert.deepEqual(eventsIn(run("three")), ["one begin", "one done", "two begin", "two done"]);
    assert.match(readFileSync(path(), "utf8"), /"st\n\{/);
  });
});
