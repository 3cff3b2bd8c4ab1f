/**
 * The promise made to users, tried on the real server: `kill -9` at random moments under load, a hundred times, and nothing
 * that was acknowledged is lost, no recorded step runs again, no timer fires early or twice.
 *
 * Handlers run in this process and keep a ledger; the server is a process of its own that is killed and started again on the
 * same directory. `CRASHES` sets how often, `CRASH_SEED` repeats a run's choices.
 */
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";

import { object, serve, service } from "@holdfast/sdk";

const CRASHES = Number(process.env["CRASHES"] ?? 100);
const SEED = Number(process.env["CRASH_SEED"] ?? Date.now() % 1_000_000);
const CLIENTS = 12;
const COUNTERS = 4;
const STEPS = 4;
/** Load runs for so long, ms, before the server is killed. Short: most of a run's interesting moments are near its start. */
const LIFE_MS_MIN = 10;
const LIFE_MS_SPREAD = 140;
/** After the last crash everything must end; a run that does not within this time has lost something. */
const SETTLE_MS_MAX = 60_000;

/** What the handlers saw. Violations are collected, not thrown: a throw in a handler would only be retried. */
class Ledger {
  readonly violations: string[] = [];
  readonly #observed = new Map<string, number>();
  readonly increments = new Map<string, number>();
  executions = 0;
  naps = 0;

  executed(step: string): void {
    this.executions += 1;
    if (this.#observed.has(step)) this.violations.push(`${step} ran again after its result was recorded`);
  }

  /** A result that the handler got from `await ctx.run` is recorded: that is what the await stands for. */
  observed(step: string, result: number): void {
    const earlier = this.#observed.get(step);
    if (earlier !== undefined && earlier !== result) {
      this.violations.push(`${step} had the result ${earlier} and now has ${result}`);
    }
    this.#observed.set(step, result);
  }

  woke(invocation: string, due: number): void {
    this.naps += 1;
    const early = due - Date.now();
    if (early > 0) this.violations.push(`${invocation} woke ${early} ms early`);
  }

  incremented(invocation: string, counter: string, value: number): void {
    const name = `${counter} ${invocation}`;
    const earlier = this.increments.get(name);
    if (earlier !== undefined && earlier !== value) {
      this.violations.push(`${invocation} incremented ${counter} to ${earlier} and again to ${value}`);
    }
    this.increments.set(name, value);
  }
}

function definitions(ledger: Ledger) {
  let unique = 0;
  const flow = service("flow", {
    steps: async (ctx, input: { tag: string }) => {
      const results: number[] = [];
      for (let i = 0; i < STEPS; i++) {
        const step = `${ctx.invocationId}/step-${i}`;
        const result = await ctx.run(`step-${i}`, () => {
          ledger.executed(step);
          unique += 1;
          return unique;
        });
        ledger.observed(step, result);
        results.push(result);
      }
      return { tag: input.tag, results };
    },
    nap: async (ctx, input: { ms: number }) => {
      const due = await ctx.run("due", () => Date.now() + input.ms);
      await ctx.sleep(`${input.ms}ms`);
      ledger.woke(ctx.invocationId, due);
      return { tag: "nap" };
    },
  });
  const counter = object("counter", {
    add: async (ctx, by: number) => {
      const value = ((await ctx.state.get<number>("value")) ?? 0) + by;
      ctx.state.set("value", value);
      ledger.incremented(ctx.invocationId, ctx.key, value);
      return value;
    },
  });
  return [flow, counter];
}

type Server = { readonly child: ChildProcess; readonly ingress: string; readonly admin: string };

async function startServer(directory: string): Promise<Server> {
  // Not by way of bin/holdfast.mjs: what is killed must be the server itself.
  const holdfast = new URL("main.ts", import.meta.url).pathname;
  const ports = ["--ingress-port", "0", "--admin-port", "0"];
  // It is killed from outside, a hundred times in a row: none of its invocations is the cause.
  const args = ["serve", "--data", directory, ...ports, "--json", "--set", "retry.crashesMax=1000000"];
  const child = spawn(process.execPath, [holdfast, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  for await (const line of createInterface({ input: child.stdout })) {
    const message = JSON.parse(line) as { ready?: boolean; ingressUrl: string; adminUrl: string };
    if (message.ready === true) return { child, ingress: message.ingressUrl, admin: message.adminUrl };
  }
  throw new Error(`the server ended before it was ready: ${errors}`);
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}

/** What was acknowledged, and must therefore come true. */
class Acknowledged {
  readonly sends = new Map<string, string>();
  /** Outcomes of calls by idempotency key. */
  readonly calls = new Map<string, string>();
  /** Keys whose call was not answered: it may or may not have happened, once. */
  readonly unanswered = new Set<string>();
}

function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One client: calls and sends until the server is gone. */
async function client(
  server: Server,
  acknowledged: Acknowledged,
  random: () => number,
  name: string,
): Promise<void> {
  for (let i = 0; server.child.exitCode === null && server.child.signalCode === null; i++) {
    const dice = random();
    try {
      if (dice < 0.3) await callSteps(server, acknowledged, `${name}-${i}`);
      else if (dice < 0.5) await send(server, acknowledged, "flow/steps", { tag: `${name}-${i}` });
      else if (dice < 0.7)
        await send(server, acknowledged, "flow/nap", { ms: 1 + Math.floor(random() * 300) });
      else await send(server, acknowledged, `counter/c${Math.floor(random() * COUNTERS)}/add`, 1);
    } catch {
      return; // The server was killed under this request: its outcome is unknown.
    }
  }
}

async function post(
  server: Server,
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(`${server.ingress}/${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
}

async function callSteps(server: Server, acknowledged: Acknowledged, key: string): Promise<void> {
  acknowledged.unanswered.add(key);
  const response = await post(server, "flow/steps", { tag: key }, { "idempotency-key": key });
  const text = await response.text();
  assert.equal(response.status, 200, text);
  acknowledged.unanswered.delete(key);
  acknowledged.calls.set(key, text);
}

async function send(server: Server, acknowledged: Acknowledged, path: string, body: unknown): Promise<void> {
  const response = await post(server, `${path}/send`, body);
  const text = await response.text();
  assert.equal(response.status, 202, text);
  const { invocationId } = JSON.parse(text) as { invocationId: string };
  acknowledged.sends.set(invocationId, path);
}

async function register(server: Server, url: string): Promise<void> {
  const response = await fetch(`${server.admin}/deployments`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ url }),
  });
  assert.ok(response.ok, await response.text());
}

/** Waits for every acknowledged invocation, and compares what calls were answered with what is there now. */
async function verify(server: Server, acknowledged: Acknowledged): Promise<void> {
  const deadline = AbortSignal.timeout(SETTLE_MS_MAX);
  await inParallel([...acknowledged.sends], async ([id, path]) => {
    const response = await fetch(`${server.ingress}/restate/invocation/${id}/attach`, { signal: deadline });
    assert.equal(
      response.status,
      200,
      `${path} ${id} was acknowledged and ended with ${await response.text()}`,
    );
  });
  await inParallel([...acknowledged.calls], async ([key, answer]) => {
    const again = await post(server, "flow/steps", { tag: key }, { "idempotency-key": key });
    assert.equal(await again.text(), answer, `the call ${key} was answered differently before`);
  });
  await inParallel([...acknowledged.unanswered], async (key) => {
    const again = await post(server, "flow/steps", { tag: key }, { "idempotency-key": key });
    assert.equal(again.status, 200);
  });
}

async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items];
  const worker = async (): Promise<void> => {
    for (let item = queue.pop(); item !== undefined; item = queue.pop()) await work(item);
  };
  await Promise.all(Array.from({ length: 32 }, worker));
}

/** Each counter went 1, 2, 3 … without a gap and without a number twice. */
function checkCounters(ledger: Ledger): void {
  for (let i = 0; i < COUNTERS; i++) {
    const values = [...ledger.increments]
      .filter(([name]) => name.startsWith(`c${i} `))
      .map(([, value]) => value);
    assert.deepEqual(
      values.toSorted((a, b) => a - b),
      values.map((_, index) => index + 1),
      `the increments of counter c${i}`,
    );
  }
}

/** The journal of a nap holds one sleep and one completion of it. */
async function checkNaps(server: Server, acknowledged: Acknowledged): Promise<void> {
  const naps = [...acknowledged.sends].filter(([, path]) => path === "flow/nap").slice(0, 200);
  await inParallel(naps, async ([id]) => {
    const response = await fetch(`${server.admin}/invocations/${id}/journal`);
    assert.equal(response.status, 200, await response.clone().text());
    const text = await response.text();
    const completions = text.match(/"type":"[^"]*[Ss]leep[^"]*[Cc]ompletion[^"]*"/g) ?? [];
    assert.equal(completions.length, 1, `${id} woke ${completions.length} times: ${text}`);
  });
}

test(
  `${CRASHES} times kill -9 under load: nothing acknowledged is lost, no recorded step runs again`,
  { timeout: 280_000 },
  async (t) => {
    t.diagnostic(`CRASH_SEED=${SEED}`);
    const random = randomFrom(SEED);
    const directory = mkdtempSync(join(tmpdir(), "holdfast-crash-"));
    const ledger = new Ledger();
    const acknowledged = new Acknowledged();
    const handlers = await serve({ services: definitions(ledger), port: 0, log: () => {} });
    let server: Server | undefined;
    try {
      for (let crash = 0; crash < CRASHES; crash++) {
        const running = (server = await startServer(directory));
        if (crash === 0) await register(running, handlers.url);
        const clients = Array.from({ length: CLIENTS }, (_, n) =>
          client(running, acknowledged, random, `${crash}-${n}`),
        );
        await new Promise((resolve) => setTimeout(resolve, LIFE_MS_MIN + random() * LIFE_MS_SPREAD));
        await kill(running.child);
        await Promise.all(clients);
      }
      server = await startServer(directory);
      await verify(server, acknowledged);
      assert.deepEqual(ledger.violations, []);
      checkCounters(ledger);
      await checkNaps(server, acknowledged);
      const { size } = acknowledged.sends;
      t.diagnostic(
        `${size} sends, ${acknowledged.calls.size} calls, ${ledger.executions} steps, ${ledger.naps} wake-ups`,
      );
      assert.ok(size > CRASHES && acknowledged.calls.size > 0 && ledger.naps > 0, "there was load");
    } finally {
      if (server !== undefined) await kill(server.child);
      await handlers.close();
      rmSync(directory, { recursive: true, force: true });
    }
  },
);
