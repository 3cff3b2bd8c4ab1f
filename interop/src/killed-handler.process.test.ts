/** Handlers of Restate's SDK in a process of their own that is killed in the middle of steps, again and again. */
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { it } from "node:test";
import { fileURLToPath } from "node:url";

import { decodeMessage, MessageType } from "@holdfast/protocol";

import { eventually, keyedRef, ref, World } from "./world.contract.ts";

const PROGRAM = fileURLToPath(new URL("killed-program.contract.ts", import.meta.url));
const KILLS = 8;
const FLOWS_PER_KILL = 5;
const STEPS = 6;

const retryPolicy = {
  initialIntervalMs: 2,
  factor: 1,
  maxIntervalMs: 20,
  maxAttempts: 1_000,
  onMaxAttempts: "pause",
} as const;

class Handlers {
  readonly #ledger: string;
  #child: ChildProcess | undefined;
  /** That of the first process; later ones serve on it again. */
  port = 0;

  constructor(ledger: string) {
    this.#ledger = ledger;
  }

  async start(): Promise<void> {
    const child = spawn(process.execPath, [PROGRAM, String(this.port), this.#ledger], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.#child = child;
    const [line] = (await once(createInterface(child.stdout), "line")) as [string];
    this.port = Number(line);
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }

  /** Invocation and step of all executions so far, in order. */
  executions(): string[] {
    if (!existsSync(this.#ledger)) return [];
    return readFileSync(this.#ledger, "utf8")
      .split("\n")
      .filter((line) => line !== "");
  }
}

/** The steps whose results are in some journal, as the ledger names them. */
function recordedSteps(world: World, ids: readonly string[]): Set<string> {
  const recorded = new Set<string>();
  for (const id of ids) {
    const names = new Map<number, string>();
    for (const { type, body } of world.engine.tables.journal(world.row(id))) {
      const message = decodeMessage(type, body);
      if (message.type === MessageType.Run) names.set(message.completionId, message.name ?? "");
      if (message.type === MessageType.RunCompletion)
        recorded.add(`${id}:${names.get(message.completionId)}`);
    }
  }
  return recorded;
}

it(`survives ${KILLS} kills: interrupted steps run again, recorded ones do not, objects count once`, async () => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-interop-"));
  const handlers = new Handlers(join(folder, "ledger"));
  await handlers.start();
  const close = async (): Promise<void> => {
    await handlers.kill();
    rmSync(folder, { recursive: true, force: true });
  };
  const url = `http://127.0.0.1:${handlers.port}`;
  const world = await World.open([{ url, close }], { settings: { retryPolicy } });
  const ids: string[] = [];
  const rounds: Array<{ readonly executed: number; readonly recorded: ReadonlySet<string> }> = [];
  for (let kill = 0; kill < KILLS; kill++) {
    for (let flow = 0; flow < FLOWS_PER_KILL; flow++)
      ids.push((await world.client.send(ref("flow/go"), STEPS)).invocationId);
    const seen = handlers.executions().length;
    // From the first step on to well into the work.
    await eventually(() => handlers.executions().length >= seen + 1 + (kill % 4) * 5, "work");
    await handlers.kill();
    await eventually(() => world.engine.health().runningAttempts === 0, "the loss to be noticed");
    rounds.push({ executed: handlers.executions().length, recorded: recordedSteps(world, ids) });
    await handlers.start();
  }
  for (const id of ids) assert.equal(await world.client.handle(id).attach(), (STEPS * (STEPS + 1)) / 2);
  assert.equal(await world.client.call(keyedRef("counter/add"), "all", 0), KILLS * FLOWS_PER_KILL);
  const executions = handlers.executions();
  for (const { executed, recorded } of rounds) {
    const repeated = executions.slice(executed).filter((step) => recorded.has(step));
    assert.deepEqual(repeated, [], "recorded steps ran again");
  }
  assert.ok(executions.length > new Set(executions).size, "no kill fell into a step");
  assert.deepEqual(world.troubles, []);
});
