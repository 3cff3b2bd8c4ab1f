/** Handlers in a process of their own that is killed in the middle of steps, again and again. The engine lives on. */
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";

import { checkTables } from "@holdfast/engine";
import { completionIdOf, MessageType, type HandlerRef } from "@holdfast/protocol";

import { CuttingProxy } from "./cutting-proxy.contract.ts";
import { eventually, SessionWorld } from "./session-harness.contract.ts";

const PROGRAM = fileURLToPath(new URL("killed-program.contract.ts", import.meta.url));
const KILLS = 10;
const FLOWS_PER_KILL = 6;
const STEPS = 8;

const flow = { service: "flow", handler: "go", kind: "plain" } as HandlerRef<[steps: number], number>;
const add = { service: "counter", handler: "add", kind: "exclusive" } as HandlerRef<
  [key: string, by: number],
  number
>;

const settings = {
  retryPolicy: {
    initialIntervalMs: 2,
    factor: 1,
    maxIntervalMs: 5,
    maxAttempts: 1_000,
    onMaxAttempts: "pause",
  },
} as const;

class Handlers {
  readonly #ledger: string;
  #child: ChildProcess | undefined;

  constructor(ledger: string) {
    this.#ledger = ledger;
  }

  /** Starts a process, and returns the port it serves on. */
  async start(): Promise<number> {
    const child = spawn(process.execPath, [PROGRAM, this.#ledger], { stdio: ["ignore", "pipe", "inherit"] });
    this.#child = child;
    const [line] = (await once(createInterface(child.stdout), "line")) as [string];
    return Number(line);
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }

  /** Idempotency keys of all executions so far, in order. */
  executions(): string[] {
    if (!existsSync(this.#ledger)) return [];
    return readFileSync(this.#ledger, "utf8")
      .split("\n")
      .filter((line) => line !== "");
  }
}

/** Idempotency keys of the steps whose results are in some journal. */
function recordedSteps(world: SessionWorld): Set<string> {
  const keys = new Set<string>();
  for (const [id] of Array.from(world.engine.tables.invocations.all())) {
    for (const message of world.journal(id)) {
      if (message.type === MessageType.RunCompletion) keys.add(`${id}:${completionIdOf(message)}`);
    }
  }
  return keys;
}

describe("handlers whose process is killed", () => {
  it(`in the middle of steps, ${KILLS} times: interrupted steps run again, recorded ones do not, objects count once`, async () => {
    const folder = mkdtempSync(join(tmpdir(), "holdfast-handlers-"));
    const handlers = new Handlers(join(folder, "ledger"));
    const proxy = await CuttingProxy.listen(await handlers.start());
    const close = async (): Promise<void> => {
      await handlers.kill();
      await proxy.close();
      rmSync(folder, { recursive: true, force: true });
    };
    await using world = await SessionWorld.open(
      { endpoints: new Map(), url: proxy.url, close },
      { settings },
    );
    const handles = [];
    const rounds: Array<{ readonly executed: number; readonly recorded: ReadonlySet<string> }> = [];
    for (let kill = 0; kill < KILLS; kill++) {
      for (let i = 0; i < FLOWS_PER_KILL; i++) handles.push(await world.client.send(flow, STEPS));
      const seen = handlers.executions().length;
      // From the first step on to well into the work.
      await eventually(() => handlers.executions().length >= seen + 1 + (kill % 4) * 5, "work");
      await handlers.kill();
      await eventually(() => world.engine.health().runningAttempts === 0, "the loss to be noticed");
      rounds.push({ executed: handlers.executions().length, recorded: recordedSteps(world) });
      proxy.retarget(await handlers.start());
    }
    for (const handle of handles) assert.equal(await handle.attach(), (STEPS * (STEPS + 1)) / 2);
    assert.equal(await world.client.call(add, "all", 0), KILLS * FLOWS_PER_KILL);
    const executions = handlers.executions();
    for (const { executed, recorded } of rounds) {
      const repeated = executions.slice(executed).filter((key) => recorded.has(key));
      assert.deepEqual(repeated, [], "recorded steps ran again");
    }
    assert.ok(executions.length > new Set(executions).size, "no kill fell into a step");
    assert.deepEqual(checkTables(world.engine.tables).problems, []);
    assert.deepEqual(world.failures, []);
  });
});
