/** Processes that the benchmark starts. None survives it, whatever way it ends. */
import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";

export interface ChildOptions {
  readonly command: string;
  readonly args: readonly string[];
  /** Where its output goes. */
  readonly logFile: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly directory?: string;
  readonly user?: { readonly uid: number; readonly gid: number };
  /** A Node program of ours: it says with `process.send` when it is ready, and ends when the benchmark does. */
  readonly hasChannel?: boolean;
}

const STOP_MS_MAX = 5_000;
const SHOWN_LOG_CHARACTERS = 2_000;

const running = new Set<Child>();
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

export class Child {
  readonly #process: ChildProcess;
  readonly #logFile: string;
  readonly #ended: Promise<void>;
  #isOver = false;

  constructor(options: ChildOptions) {
    this.#logFile = options.logFile;
    const log = openSync(options.logFile, "a");
    this.#process = spawn(options.command, options.args, {
      env: { ...environmentOfPrograms(), ...options.environment },
      stdio: ["ignore", log, log, ...(options.hasChannel === true ? (["ipc"] as const) : [])],
      serialization: "advanced",
      ...(options.directory === undefined ? {} : { cwd: options.directory }),
      ...options.user,
    });
    closeSync(log);
    running.add(this);
    this.#ended = new Promise((resolve) => {
      const over = (): void => {
        this.#isOver = true;
        running.delete(this);
        resolve();
      };
      this.#process.once("exit", over);
      this.#process.once("error", over);
    });
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** The next message it sends. Fails when it ends before. */
  async message<Message>(): Promise<Message> {
    const { promise, resolve, reject } = Promise.withResolvers<Message>();
    const onMessage = (message: unknown): void => resolve(message as Message);
    this.#process.once("message", onMessage);
    void this.#ended.then(() => reject(this.failure("it ended")));
    try {
      return await promise;
    } finally {
      this.#process.off("message", onMessage);
    }
  }

  onMessage(listener: (message: unknown) => void): void {
    this.#process.on("message", listener);
  }

  onEnd(listener: () => void): void {
    void this.#ended.then(listener);
  }

  send(message: object): void {
    this.#process.send?.(message);
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  async killAtOnce(): Promise<void> {
    this.kill("SIGKILL");
    await this.#ended;
  }

  async stop(): Promise<void> {
    this.kill("SIGTERM");
    const timer = setTimeout(() => this.kill("SIGKILL"), STOP_MS_MAX);
    await this.#ended;
    clearTimeout(timer);
  }

  log(): string {
    return readFileSync(this.#logFile, "utf8");
  }

  failure(what: string): Error {
    const log = this.log().slice(-SHOWN_LOG_CHARACTERS);
    return new Error(`${what}. The end of ${this.#logFile}:\n${log}`);
  }
}

/** Settings of whoever runs the benchmark are not those of the programs it measures. */
function environmentOfPrograms(): NodeJS.ProcessEnv {
  const ours = /^(HOLDFAST_|RESTATE_|DBOS_|NODE_OPTIONS$)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours.test(name)));
}
