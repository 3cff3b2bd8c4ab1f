import assert from "node:assert/strict";
import { describe, it } from "node:test";

import type { StepNews } from "../steps/ledger-recorder.ts";
import type { LedgerEvent } from "../steps/ledger.ts";
import { formatElapsed, ProgressView } from "./progress-view.ts";
import { styleOf } from "./style.ts";

function createView(isTerminal: boolean): { readonly view: ProgressView; readonly written: () => string } {
  let written = "";
  const screen = { isTerminal, columns: 80, write: (text: string) => void (written += text) };
  const view = new ProgressView({ screen, style: styleOf(false), now: () => 2_500 });
  return { view, written: () => written };
}

function news(step: string, event: LedgerEvent, at: number, note = ""): StepNews {
  return { deployment: "shop-1", step, event, at, note, key: `key of ${step}`, run: "run" };
}

describe("the view of a deployment", () => {
  it("has one line for each step that has ended, with the time it took", () => {
    const { view, written } = createView(false);
    view.release();
    view.step(news("build", "begin", 1_000));
    view.printOutput("compiled 3 files");
    view.step(news("build", "done", 2_250, "7 files"));
    view.step(news("visit", "begin", 3_000));
    view.step(news("visit", "failed", 15_345, "no answer"));
    assert.deepEqual(written().split("\n"), [
      "      │ compiled 3 files",
      "  ✓ build                           1.25 s   7 files",
      "  ✗ visit                           12.3 s   no answer",
      "",
    ]);
  });

  it("draws what is under way on a terminal, and over it when it has ended", () => {
    const { view, written } = createView(true);
    view.release();
    view.step(news("build", "begin", 1_000));
    assert.match(written(), /build +1\.50 s\n$/);
    view.step(news("build", "done", 2_000));
    const drawnOver = written().split("\u001B[1A\u001B[J").at(-1) ?? "";
    assert.match(drawnOver, /^ {2}✓ build +1\.00 s\n$/);
    view.close();
  });

  it("says which steps had finished before a restart", () => {
    const { view, written } = createView(false);
    view.release();
    view.printFinished("build", "7 files");
    view.step(news("start fra", "recalled", 1_000));
    assert.match(written(), /✓ build .*7 files \(before the restart\)/);
    assert.match(written(), /✓ start fra .*\(finished before the restart\)/);
  });

  it("keeps steps back until it has been said whose they are", () => {
    const { view, written } = createView(false);
    view.step(news("build", "begin", 1_000));
    view.step(news("build", "done", 2_000));
    view.print("resuming deployment shop-1");
    view.release();
    assert.match(written(), /^resuming deployment shop-1\n  ✓ build +1\.00 s\n$/);
  });

  it("shows longer times in larger units", () => {
    assert.equal(formatElapsed(59_900), "59.9 s");
    assert.equal(formatElapsed(185_000), "3 min 5 s");
  });
});
