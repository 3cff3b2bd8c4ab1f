import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";

const TIMEOUT_MS = 30_000;

/** Runs a handler that is cancelled while a combination of its promises is out of sight, then `after`. */
function program(after: string): string {
  return `
    import { drive } from ${JSON.stringify(new URL("./drive.contract.ts", import.meta.url).href)};
    const { engine } = drive(async (ctx) => {
      const both = Promise.all([ctx.sleep("1s"), ctx.sleep("2s")]);
      await ctx.sleep("3s");
      await both;
    }, { engine: { signals: [{ type: 0xfbff, index: 1, result: { kind: "void" } }] } });
    const end = await engine.run();
    await new Promise((resolve) => setTimeout(resolve, 10));
    console.log(end.kind, end.result.failure.message);
    ${after}
  `;
}

function runNode(code: string): {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
} {
  return spawnSync(process.execPath, ["--input-type=module", "--eval", code], {
    encoding: "utf8",
    timeout: TIMEOUT_MS,
  });
}

test("a cancelled handler does not end the process with a rejection that nobody looks at", () => {
  const { status, stdout, stderr } = runNode(program(""));
  assert.equal(stdout, "completed Cancelled\n", stderr);
  assert.equal(status, 0);
});

test("every other rejection that nobody looks at still does", () => {
  const { status, stderr } = runNode(program(`Promise.reject(new RangeError("somebody else's"));`));
  assert.equal(status, 1);
  assert.match(stderr, /RangeError: somebody else's/);
});
