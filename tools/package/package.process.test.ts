/** The executable, alone in a folder and with an empty environment: it needs nothing but itself. */
import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import { after, before, describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";
import { promisify } from "node:util";

import { serve, service } from "@holdfast/sdk";

import { ROOT } from "../source-files.ts";
import { buildExecutable, EXECUTABLE_NAME } from "./build-executable.ts";

interface Event {
  readonly event: string;
  readonly ready?: boolean;
  readonly ingressUrl: string;
  readonly adminUrl: string;
}

interface Launched {
  readonly child: ChildProcess;
  next(event: string): Promise<Event>;
}

interface Server {
  readonly child: ChildProcess;
  readonly ingressUrl: string;
  readonly adminUrl: string;
}

/** A services file with all that a user's may have: types, an import of its own, top-level await, and a way to run by itself. */
const SERVICES = `
import { service, TerminalError } from "@holdfast/sdk";
import { greeting } from "./greeting.ts";
if (import.meta.main) throw new Error("loaded as the main program");
const name: string = await Promise.resolve("greeter");
export const greeter = service(name, {
  greet: async (ctx, who: string) => {
    if (who === "") throw new TerminalError("nobody to greet");
    return ctx.run("greet", () => greeting + who);
  },
});
`;

const CHECKPOINT_POLL_MS = 50;

const execute = promisify(execFile);

describe("the executable", { timeout: 120_000 }, () => {
  let folder = "";
  let executable = "";
  const running: ChildProcess[] = [];

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "holdfast-package-"));
    mkdirSync(join(folder, "bin"));
    executable = join(folder, "bin", EXECUTABLE_NAME);
    copyFileSync(await buildExecutable(), executable);
  });

  after(() => {
    for (const child of running) child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  });

  /** Not synchronously: the handlers of this process have to answer meanwhile. */
  async function run(...args: readonly string[]): Promise<string> {
    const { stdout, stderr } = await execute(executable, args, { cwd: join(folder, "bin"), env: {} });
    assert.equal(stderr, "");
    return stdout;
  }

  /** Starts a command that stays, and returns it with the events that it prints. */
  function launch(words: readonly string[], env: Record<string, string> = {}): Launched {
    const args = [...words, "--ingress-port", "0", "--admin-port", "0", "--json"];
    const child = spawn(executable, args, {
      cwd: join(folder, "bin"),
      env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    running.push(child);
    let errors = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const next = async (name: string): Promise<Event> => {
      for (;;) {
        const line = await lines.next();
        if (line.done === true) throw new Error(`It ended before it said "${name}": ${errors}`);
        const event = JSON.parse(line.value) as Event;
        assert.notEqual(event.event, "failed", line.value);
        if (event.event === name) return event;
      }
    };
    return { child, next };
  }

  async function start(data: string): Promise<Server> {
    // A checkpoint soon: the thread of the store has to work, too.
    const { child, next } = launch(["serve", "--data", data], { HOLDFAST_CHECKPOINT_INTERVAL: "100ms" });
    const { ready, ingressUrl, adminUrl } = await next("ready");
    assert.equal(ready, true);
    return { child, ingressUrl, adminUrl };
  }

  /** Only the thread of the store writes there. */
  async function untilCheckpointed(data: string): Promise<void> {
    using database = new DatabaseSync(join(data, "checkpoint.db"), { readOnly: true });
    const position = database.prepare("SELECT applied_position AS position FROM store");
    while (Number(position.get()?.["position"]) === 0) await setTimeout(CHECKPOINT_POLL_MS);
  }

  async function post(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
    const options = { method: "POST", body: JSON.stringify(body) };
    return fetch(url, { ...options, headers: { "content-type": "application/json", ...headers } });
  }

  async function kill({ child }: Launched | Server): Promise<void> {
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  }

  it("says its version", async () => {
    assert.match(await run("version"), /^holdfast \d+\.\d+\.\d+ \(node\/\d+/);
  });

  it("serves, is killed, and serves again what it had acknowledged", async () => {
    const data = join(folder, "data");
    let calls = 0;
    const greeter = service("greeter", {
      greet: async (ctx, name: string) => ctx.run("count", () => `${name} ${(calls += 1)}`),
    });
    const handlers = await serve({ services: [greeter], port: 0, log: () => {} });
    const greet = async ({ ingressUrl }: Server): Promise<unknown> => {
      const response = await post(`${ingressUrl}/greeter/greet`, "Ada", { "idempotency-key": "once" });
      assert.equal(response.status, 200);
      return response.json();
    };

    try {
      const first = await start(data);
      await run("deployments", "register", handlers.url, "--admin-url", first.adminUrl);
      assert.equal(await greet(first), "Ada 1");
      await untilCheckpointed(data);
      await kill(first);
      const report = JSON.parse(await run("doctor", data, "--json")) as { healthy: boolean };
      assert.equal(report.healthy, true);

      const second = await start(data);
      assert.equal(await greet(second), "Ada 1");
      assert.equal(calls, 1);
      await kill(second);
    } finally {
      await handlers.close();
    }
  });

  it("runs a services file with its own SDK, and again when it changes", async () => {
    const project = join(folder, "project");
    mkdirSync(join(project, "node_modules/@holdfast"), { recursive: true });
    symlinkSync(join(ROOT, "packages/sdk"), join(project, "node_modules/@holdfast/sdk"), "junction");
    const file = join(project, "services.ts");
    writeFileSync(file, SERVICES);
    writeFileSync(join(project, "greeting.ts"), 'export const greeting: string = "Hello ";');

    const dev = launch(["dev", file, "--data", join(folder, "dev-data")]);
    const { ingressUrl } = await dev.next("server");
    const url = `${ingressUrl}/greeter/greet`;
    await dev.next("ready");
    assert.equal(await (await post(url, "Ada")).json(), "Hello Ada");
    // Known as an end only to the SDK that it comes from; to another it would be a reason to try again.
    const refused = await post(url, "");
    assert.match(await refused.text(), /nobody to greet/);

    writeFileSync(join(project, "greeting.ts"), 'export const greeting: string = "Welcome ";');
    await dev.next("reloaded");
    assert.equal(await (await post(url, "Ada")).json(), "Welcome Ada");
    await kill(dev);
  });

  it("puts nothing beside itself", () => {
    assert.deepEqual(readdirSync(join(folder, "bin")), [EXECUTABLE_NAME]);
  });
});
