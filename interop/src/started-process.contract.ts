/** A process that a test starts, kills, and starts again. None outlives the test. */
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { createInterface } from "node:readline";

/** Of what it prints, in characters: enough to tell why it ended. */
const KEPT_OUTPUT_MAX = 8_192;

const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

export class StartedProcess {
  readonly #child: ChildProcess;
  #output = "";

  constructor([command, ...args]: readonly [command: string, ...args: string[]]) {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
    this.#child = child;
    running.add(child);
    child.once("exit", () => running.delete(child));
    child.once("error", (error) => this.#keep(String(error)));
    child.stdout.on("data", (chunk: Uint8Array) => this.#keep(String(chunk)));
    child.stderr.on("data", (chunk: Uint8Array) => this.#keep(String(chunk)));
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null || this.#child.pid === undefined;
  }

  /** The end of what it printed. */
  get output(): string {
    return this.#output;
  }

  /** The first line it prints. Rejects when it ends before that. */
  async firstLine(): Promise<string> {
    const { stdout } = this.#child;
    assert.ok(stdout);
    const lines = createInterface(stdout);
    const [line] = (await Promise.race([once(lines, "line"), once(this.#child, "exit")])) as [unknown];
    if (typeof line !== "string") throw new Error(`the process ended without a word\n${this.#output}`);
    return line;
  }

  /** Resolves when it has ended. */
  async end(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    if (this.hasEnded) return;
    const gone = once(this.#child, "exit");
    this.#child.kill(signal);
    await gone;
  }

  #keep(text: string): void {
    this.#output = (this.#output + text).slice(-KEPT_OUTPUT_MAX);
  }
}

/** None is reserved: somebody else may take it before the program does, and then registering fails. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
