/**
 * The engine inside a program that is killed at any moment, again and again. Handlers and engine die together; what the
 * program's ledger says must hold whatever the moment was.
 */
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { loadConfig } from "./config.ts";
import { Holdfast } from "./embedded.ts";
import { DirectoryLockedError } from "./log/directory-lock.ts";
import { startServer } from "./server.ts";

const PROGRAM = fileURLToPath(new URL("crash-program.contract.ts", import.meta.url));
const KILLS = 30;
/** A program that does nothing for so long hangs. */
const PATIENCE_MS = 60_000;

type Report = {
  readonly flows: Readonly<Record<string, string>>;
  readonly counts: Readonly<Record<string, number>>;
  readonly problems: readonly unknown[];
};

let folder: string;
let dir: string;
let ledger: string;
let running: ChildProcess | undefined;

before(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-embedded-"));
  dir = join(folder, "data");
  ledger = join(folder, "ledger");
});

after(() => {
  running?.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

function start(mode: "load" | "finish" | "nap", directory = dir): ChildProcess {
  const child = spawn(process.execPath, [PROGRAM, directory, ledger, mode], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  running = child;
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  const gone = once(child, "exit");
  assert.ok(child.kill("SIGKILL"), "it was alive");
  const [code, signal] = (await gone) as [number | null, string | null];
  assert.deepEqual([code, signal], [null, "SIGKILL"], "it did not end by itself");
}

function lines(): string[][] {
  if (!existsSync(ledger)) return [];
  const text = readFileSync(ledger, "utf8");
  return text
    .slice(0, text.lastIndexOf("\n") + 1)
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.split(" "));
}

/** Waits until the program has written so many lines more, whatever the machine's speed. */
async function linesBeyond(count: number, child: ChildProcess): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (lines().length < count) {
    assert.equal(child.exitCode, null, "the program ended");
    assert.ok(performance.now() < deadline, "the program hangs");
    await wait(3);
  }
}

/** Collects what a program prints until it ends. */
async function outputOf(child: ChildProcess): Promise<string> {
  let text = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  const [code] = (await once(child, "exit")) as [number | null];
  assert.equal(code, 0);
  return text;
}

/** What the ledger proves to be wrong. */
function violations(): string[] {
  const found: string[] = [];
  const passed = new Set<string>();
  for (const [event = "", name = "", due = "", now = ""] of lines()) {
    if (event === "passed") passed.add(name);
    if (event === "ran" && passed.has(name))
      found.push(`${name} ran again although its result had been used`);
    if (event === "woke" && Number(now) < Number(due))
      found.push(`${name} woke ${Number(due) - Number(now)} ms early`);
    if (event === "sent" && Number(due) < Number(name))
      found.push(`a send due at ${name} was there at ${due}`);
  }
  return found;
}

/** Lines to wait for before each kill: from the first moments to well into the load; undefined: while it opens. */
const MOMENTS: readonly (number | undefined)[] = [
  undefined,
  1,
  3,
  undefined,
  12,
  40,
  90,
  undefined,
  150,
  300,
];

describe("a program that is killed again and again", () => {
  it(`loses nothing that was acknowledged in ${KILLS} kills, and repeats no recorded step`, async () => {
    for (let round = 0; round < KILLS; round++) {
      const before = lines().length;
      const child = start("load");
      const moment = MOMENTS[round % MOMENTS.length];
      if (moment === undefined) await wait(60 + ((round * 37) % 150));
      else await linesBeyond(before + moment, child);
      await kill(child);
    }
    const { flows, counts, problems } = JSON.parse(await outputOf(start("finish"))) as Report;
    const acknowledged = lines().filter(([event]) => event === "acknowledged");
    const keys = new Map(acknowledged.map(([, name = "", key = ""]) => [name, key]));
    assert.ok(acknowledged.length > 50, `${acknowledged.length} flows are too few to prove anything`);
    const isDue = (name: string): boolean => flows[name] === undefined;
    assert.deepEqual([...keys.keys()].filter(isDue), [], "acknowledged and lost");
    for (const [name, outcome] of Object.entries(flows)) assert.equal(outcome, "123", name);
    const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
    assert.equal(total, Object.keys(flows).length, "each flow has counted once");
    assert.deepEqual(problems, []);
    assert.deepEqual(violations(), []);
  });

  it("has at some time run a step twice that it was killed in, or else nothing was tried", () => {
    const ran = lines().flatMap(([event, name = ""]) => (event === "ran" ? [name] : []));
    assert.ok(ran.length > new Set(ran).size, "no kill fell into a step");
  });

  it("keeps its directory to itself while it lives, and says who has it", async () => {
    const before = lines().length;
    const child = start("load");
    await linesBeyond(before + 5, child);
    await assert.rejects(Holdfast.open({ dir, services: [] }), (error: Error) => {
      assert.ok(error instanceof DirectoryLockedError);
      assert.ok(error.message.includes(dir));
      assert.match(error.message, new RegExp(`process ${child.pid}\\b`));
      return true;
    });
    await kill(child);
    const next = await Holdfast.open({ dir, services: [], onWarning: () => {} });
    await next.close();
  });

  it("leaves a directory that the server can go on with", async () => {
    const report = JSON.parse(await outputOf(start("finish"))) as Report;
    const config = loadConfig({ arguments: { data: dir, "ingress.port": 0, "admin.port": 0 } });
    const server = await startServer({ config, onWarning: () => {} });
    try {
      const health = (await (await fetch(`${server.adminUrl}/health`)).json()) as { readonly status: string };
      assert.equal(health.status, "ok");
      const [name = ""] = Object.keys(report.flows);
      const response = await fetch(`${server.ingressUrl}/restate/workflow/flow/${name}/output`);
      assert.equal(response.status, 200);
      assert.equal(await response.json(), "123");
    } finally {
      await server.close();
    }
  });
});

describe("a program that only waits", () => {
  it("stays alive until what it waits for has come, and ends when it closes the engine", async () => {
    assert.equal(await outputOf(start("nap", join(folder, "nap"))), "rested\n");
  });
});
