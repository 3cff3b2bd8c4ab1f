/** Processes that the crucible starts. None survives it, whatever way it ends. */
import { spawn, type ChildProcess } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

export type ChildOptions = {
  readonly command: string;
  readonly args: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
};

export type Exit = { readonly code: number | null; readonly signal: NodeJS.Signals | null };

/** Of what a child prints on each stream, in characters: enough to tell why it ended. */
const KEPT_OUTPUT_MAX = 16_384;

const running = new Set<Child>();
// "exit" handlers are synchronous, and so is a kill: nothing is left behind after a failure or a Ctrl-C either.
process.once("exit", () => {
  for (const child of running) child.killTree();
});

/** A process whose output lines can be listened to. */
export class Child {
  readonly exited: Promise<Exit>;
  readonly #process: ChildProcess;
  readonly #listeners = new Set<(line: string) => void>();
  #partialLine = "";
  #output = "";
  #errors = "";
  #exit: Exit | undefined;

  constructor(options: ChildOptions) {
    this.#process = spawn(options.command, options.args, {
      env: { ...environmentOfPrograms(), ...options.environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    running.add(this);
    this.#process.stdout?.on("data", (chunk: Uint8Array) => this.#takeOutput(String(chunk)));
    this.#process.stderr?.on("data", (chunk: Uint8Array) => {
      this.#errors = (this.#errors + String(chunk)).slice(-KEPT_OUTPUT_MAX);
    });
    this.exited = new Promise((resolve) => {
      const over = (exit: Exit): void => {
        this.#exit ??= exit;
        running.delete(this);
        resolve(this.#exit);
      };
      this.#process.once("error", (error) => {
        this.#errors += String(error);
        over({ code: null, signal: null });
      });
      // "exit" and not "close": a grandchild that outlives a killed wrapper would keep the pipes open.
      this.#process.once("exit", (code, signal) => over({ code, signal }));
    });
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** How it ended; `undefined` while it runs. */
  get exit(): Exit | undefined {
    return this.#exit;
  }

  /** The end of what it printed on both streams. */
  get output(): string {
    return `${this.#output}${this.#errors}`;
  }

  /** The next line that `read` makes something of. Rejects when the process ends first, or after `msMax`. */
  async line<Value>(what: string, read: (line: string) => Value | undefined, msMax: number): Promise<Value> {
    const { promise, resolve, reject } = Promise.withResolvers<Value>();
    const listener = (line: string): void => {
      const value = read(line);
      if (value !== undefined) resolve(value);
    };
    this.#listeners.add(listener);
    const timer = setTimeout(
      () => reject(new Error(`${what} did not come within ${msMax} ms\n${this.output}`)),
      msMax,
    );
    void this.exited.then((exit) => {
      const how = exit.signal ?? `exit code ${exit.code}`;
      reject(new Error(`the process ended with ${how} before ${what}\n${this.output}`));
    });
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#listeners.delete(listener);
    }
  }

  signal(signal: NodeJS.Signals): void {
    if (this.#exit === undefined) this.#process.kill(signal);
  }

  /** Kills the process and those it started: a tracer that is killed alone would leave what it traces. */
  killTree(): void {
    if (this.#exit !== undefined) return;
    for (const pid of [...descendantsOf(this.pid), this.pid]) killProcess(pid, "SIGKILL");
  }

  async kill(): Promise<void> {
    this.killTree();
    await this.exited;
  }

  #takeOutput(text: string): void {
    this.#output = (this.#output + text).slice(-KEPT_OUTPUT_MAX);
    const lines = (this.#partialLine + text).split("\n");
    this.#partialLine = lines.pop() ?? "";
    for (const line of lines) for (const listener of this.#listeners) listener(line);
  }
}

/** Sends a signal to a process that may be gone already. */
export function killProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Ids of the processes below this one, deepest first. Linux only: elsewhere there are no tracers to look behind. */
function descendantsOf(pid: number): number[] {
  let threads: string[];
  try {
    threads = readdirSync(`/proc/${pid}/task`);
  } catch {
    return []; // It has ended, or there is no /proc.
  }
  return threads.flatMap((thread) =>
    childrenOfThread(pid, thread).flatMap((child) => [...descendantsOf(child), child]),
  );
}

function childrenOfThread(pid: number, thread: string): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8")
      .split(" ")
      .map(Number)
      .filter((child) => child > 0);
  } catch {
    return []; // The thread has ended meanwhile.
  }
}

/** Settings of whoever runs the crucible are not those of the programs it tries. */
function environmentOfPrograms(): NodeJS.ProcessEnv {
  const ours = /^(HOLDFAST_|NODE_OPTIONS$|NODE_TEST_CONTEXT$|FAKETIME|LD_PRELOAD$)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours.test(name)));
}
