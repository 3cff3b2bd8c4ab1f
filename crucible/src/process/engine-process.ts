/** The real server, `holdfast serve`, in a process of its own. */
import { fileURLToPath } from "node:url";

import { Child, killProcess, type Exit } from "./child.ts";

/** The file that `npx holdfast` runs. */
const PROGRAM = fileURLToPath(new URL("../../../packages/cli/bin/holdfast.mjs", import.meta.url));
/** Under a tracer a start takes ten times as long as it does alone. */
const START_MS_MAX = 60_000;

export type EngineOptions = {
  readonly directory: string;
  /** Overriding the defaults, as `--set KEY=VALUE` does. */
  readonly settings?: Readonly<Record<string, string | number>>;
  readonly environment?: Readonly<Record<string, string>>;
  /** Flags of Node itself. */
  readonly nodeFlags?: readonly string[];
  /** Command and arguments in front of the server's command line: a tracer, a shell that sets limits. */
  readonly wrapper?: readonly string[];
};

type Ready = { readonly ingressUrl: string; readonly adminUrl: string; readonly pid: number };

export class EngineProcess {
  readonly ingressUrl: string;
  readonly adminUrl: string;
  /** Of the server itself, also when it runs under a wrapper. */
  readonly pid: number;
  /** From its spawning until it accepted requests, ms. */
  readonly startMs: number;
  readonly #child: Child;

  private constructor(child: Child, ready: Ready, startMs: number) {
    this.#child = child;
    this.ingressUrl = ready.ingressUrl;
    this.adminUrl = ready.adminUrl;
    this.pid = ready.pid;
    this.startMs = startMs;
  }

  /** Resolves when it accepts requests. Rejects with `EngineStartError` when it ends before that. */
  static async start(options: EngineOptions): Promise<EngineProcess> {
    const begun = performance.now();
    const child = spawnEngine(options);
    try {
      const ready = await child.line("the server was ready", readyIn, START_MS_MAX);
      return new EngineProcess(child, ready, performance.now() - begun);
    } catch (error) {
      const { exit } = child;
      await child.kill();
      throw new EngineStartError(error, exit, child.output);
    }
  }

  get exited(): Promise<Exit> {
    return this.#child.exited;
  }

  get exit(): Exit | undefined {
    return this.#child.exit;
  }

  get output(): string {
    return this.#child.output;
  }

  async kill(): Promise<void> {
    await this.#child.kill();
  }

  /** The clean way: what SIGTERM does. */
  async stop(): Promise<Exit> {
    killProcess(this.pid, "SIGTERM");
    return this.#child.exited;
  }

  freeze(): void {
    killProcess(this.pid, "SIGSTOP");
  }

  thaw(): void {
    killProcess(this.pid, "SIGCONT");
  }
}

/** The server did not come up: how it ended, and what it said. */
export class EngineStartError extends Error {
  /** `undefined` when it did not end by itself: it was not ready in time. */
  readonly exit: Exit | undefined;
  readonly output: string;

  constructor(cause: unknown, exit: Exit | undefined, output: string) {
    super(`holdfast serve did not start: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
    this.exit = exit;
    this.output = output;
  }
}

/** A server of which it is not known whether it will come up at all. */
export function spawnEngine(options: EngineOptions): Child {
  const { directory, settings = {}, environment = {}, nodeFlags = [], wrapper = [] } = options;
  const sets = Object.entries(settings).flatMap(([key, value]) => ["--set", `${key}=${value}`]);
  const serve = ["serve", "--data", directory, "--ingress-port", "0", "--admin-port", "0", "--json", ...sets];
  const [command = "", ...args] = [...wrapper, process.execPath, ...nodeFlags, PROGRAM, ...serve];
  return new Child({ command, args, environment });
}

function readyIn(line: string): Ready | undefined {
  if (!line.startsWith('{"event":"ready"')) return undefined;
  return JSON.parse(line) as Ready;
}
