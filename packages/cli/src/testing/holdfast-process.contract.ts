/** The real program in processes of its own, for tests. */
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const PROGRAM = fileURLToPath(new URL("../../bin/holdfast.mjs", import.meta.url));

export type Ended = {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
};

export type StartOptions = {
  readonly variables?: Readonly<Record<string, string>>;
  readonly directory?: string;
  readonly stdin?: string;
  /** For Node itself. */
  readonly nodeFlags?: readonly string[];
  /** Nobody reads what it prints. */
  readonly closeOutput?: boolean;
};

/** What a test knows the shape of. */
export type Json = ReturnType<typeof JSON.parse>;
export type Event = Readonly<Record<string, Json>>;

/** A command under way, whose --json lines can be waited for. */
export class HoldfastProcess implements AsyncDisposable {
  readonly ended: Promise<Ended>;
  readonly #child: ChildProcess;
  readonly #events: Event[] = [];
  #wake: () => void = () => {};
  #stdout = "";
  #stderr = "";
  #isOver = false;

  constructor(words: readonly string[], options: StartOptions = {}) {
    this.#child = spawn(process.execPath, [...(options.nodeFlags ?? []), PROGRAM, ...words], {
      cwd: options.directory,
      env: { ...withoutOurs(process.env), ...options.variables },
      stdio: [options.stdin === undefined ? "ignore" : "pipe", "pipe", "pipe"],
    });
    this.#child.stdin?.end(options.stdin);
    assert.ok(this.#child.stdout !== null && this.#child.stderr !== null);
    if (options.closeOutput === true) this.#child.stdout.destroy();
    createInterface({ input: this.#child.stdout }).on("line", (line) => this.#take(line));
    this.#child.stderr.on("data", (chunk: Uint8Array) => {
      this.#stderr += String(chunk);
      this.#wake();
    });
    this.ended = new Promise((resolve, reject) => {
      this.#child.once("error", reject);
      this.#child.once("close", (code, signal) => {
        this.#isOver = true;
        this.#wake();
        resolve({ code, signal, stdout: this.#stdout, stderr: this.#stderr });
      });
    });
  }

  get pid(): number {
    assert.ok(this.#child.pid !== undefined);
    return this.#child.pid;
  }

  /** The next line of JSON that is this event. Those before it are passed over. */
  async event(name: string): Promise<Event> {
    for (;;) {
      const event = this.#events.shift();
      if (event?.["event"] === name) return event;
      if (event !== undefined) continue;
      await this.#more(`the event "${name}"`);
    }
  }

  async untilStdout(expected: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = expected.exec(this.#stdout);
      if (found !== null) return found;
      await this.#more(String(expected));
    }
  }

  async untilStderr(expected: RegExp): Promise<void> {
    while (!expected.test(this.#stderr)) await this.#more(String(expected));
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Ends it, if it has not ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isOver) this.#child.kill("SIGKILL");
    await this.ended;
  }

  #take(line: string): void {
    this.#stdout += `${line}\n`;
    if (line.startsWith('{"event"')) this.#events.push(JSON.parse(line) as Event);
    this.#wake();
  }

  async #more(what: string): Promise<void> {
    assert.ok(!this.#isOver, `it ended before ${what}:\n${this.#stdout}${this.#stderr}`);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    await promise;
  }
}

export async function holdfast(words: readonly string[], options: StartOptions = {}): Promise<Ended> {
  return new HoldfastProcess(words, options).ended;
}

/** A directory that is gone after the test. */
export function temporaryDirectory(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), "holdfast-cli-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false; // No process has this id.
  }
}

/** Settings of whoever runs the tests are not those of the programs under test. */
function withoutOurs(variables: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(variables).filter(([name]) => !name.startsWith("HOLDFAST_")));
}
