import assert from "node:assert/strict";
import { describe, it } from "node:test";

import reportEvents, { type TestLine } from "./event-reporter.ts";

type TestEvent = Parameters<typeof reportEvents>[0] extends AsyncIterable<infer Event> ? Event : never;

async function report(...events: readonly TestEvent[]): Promise<readonly TestLine[]> {
  async function* source(): AsyncGenerator<TestEvent> {
    yield* events;
  }
  const lines: TestLine[] = [];
  for await (const line of reportEvents(source())) lines.push(JSON.parse(line) as TestLine);
  return lines;
}

const start = (name: string, nesting: number): TestEvent => ({ type: "test:start", data: { name, nesting } });
const failure = (failureType: string, cause: unknown): object =>
  Object.assign(new Error("x"), { failureType, cause });

describe("event reporter", () => {
  it("names a test after its suites and counts no suite as a test", async () => {
    const lines = await report(
      start("suite", 0),
      start("first", 1),
      {
        type: "test:pass",
        data: { name: "first", nesting: 1, file: "/a.test.ts", details: { type: "test" } },
      },
      {
        type: "test:pass",
        data: { name: "suite", nesting: 0, file: "/a.test.ts", details: { type: "suite" } },
      },
    );
    assert.deepEqual(lines, [{ kind: "pass", name: "suite › first", file: "/a.test.ts" }]);
  });

  it("counts a failed child once, not again in its parent", async () => {
    const child = failure("testCodeFailure", new Error("deep"));
    const lines = await report(
      { type: "test:fail", data: { name: "child", nesting: 1, details: { type: "test", error: child } } },
      {
        type: "test:fail",
        data: { name: "parent", details: { error: failure("subtestsFailed", "1 failed") } },
      },
    );
    assert.equal(lines.length, 1);
    assert.match(JSON.stringify(lines[0]), /"fail".*Error: deep/);
  });

  it("counts a suite whose hook failed", async () => {
    const error = failure("hookFailed", new Error("no database"));
    const lines = await report({
      type: "test:fail",
      data: { name: "suite", details: { type: "suite", error } },
    });
    assert.match(JSON.stringify(lines), /"fail".*no database/);
  });

  it("counts skipped and todo tests as skipped, whatever they did", async () => {
    const error = failure("testCodeFailure", new Error("not yet"));
    const lines = await report(
      { type: "test:pass", data: { name: "a", skip: true } },
      { type: "test:pass", data: { name: "b", skip: "" } },
      { type: "test:fail", data: { name: "c", todo: "later", details: { error } } },
    );
    assert.deepEqual(
      lines.map((line) => line.kind),
      ["skip", "skip", "skip"],
    );
  });

  it("passes on what node:test says beside its counters", async () => {
    const lines = await report(
      { type: "test:diagnostic", data: { message: "tests 10" } },
      { type: "test:diagnostic", data: { message: "Error: thrown after the test had ended" } },
    );
    assert.deepEqual(lines, [{ kind: "diagnostic", message: "Error: thrown after the test had ended" }]);
  });
});
