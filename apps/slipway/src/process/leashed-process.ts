import { spawn, type ChildProcess } from "node:child_process";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";

const LEASH = fileURLToPath(new URL("leash.ts", import.meta.url));

/** How long a program may take to end by itself before it is killed. */
const GRACE_MS = 3_000;

export interface LeashedOptions {
  /** Run by the shell. */
  readonly commandLine: string;
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
  /** A file descriptor that both outputs go to, or "pipe". */
  readonly output: number | "pipe";
}

/** A program that ends when this process lets go of it, whichever way that happens. */
export class LeashedProcess {
  /** Of the leash, which leads the process group. */
  readonly pid: number | undefined;
  /** Its outputs, when they are piped. */
  readonly outputs: readonly Readable[];
  /** Resolves with the exit code when the program has ended and nothing of its group is left. */
  readonly exited: Promise<number>;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.pid = child.pid;
    this.outputs = [child.stdout, child.stderr].filter((output) => output !== null);
    this.exited = new Promise((resolve) => {
      child.once("error", () => resolve(-1));
      child.once("exit", (code) => {
        this.#killGroup();
        resolve(code ?? -1);
      });
    });
    // The leash may be gone when we let go of it.
    child.stdin?.on("error", () => undefined);
  }

  static start({ commandLine, directory, environment, output }: LeashedOptions): LeashedProcess {
    const child = spawn(process.execPath, [LEASH, String(GRACE_MS), commandLine], {
      cwd: directory,
      env: environment,
      stdio: ["pipe", output, output],
      detached: true,
    });
    return new LeashedProcess(child);
  }

  /** Asks it to end. Resolves when it has. */
  async stop(): Promise<void> {
    this.#child.stdin?.destroy();
    const overdue = setTimeout(() => this.#killGroup(), 2 * GRACE_MS);
    await this.exited;
    clearTimeout(overdue);
  }

  /** What the program started and left behind, also when its leash was killed. */
  #killGroup(): void {
    if (this.pid === undefined || process.platform === "win32") return;
    try {
      process.kill(-this.pid, "SIGKILL");
    } catch {
      // ESRCH: nothing is left, as it should be.
    }
  }
}
