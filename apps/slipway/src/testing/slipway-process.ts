/** Slipway as its users run it: a process of its own, on a data directory and ports of its own. */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { readRunFacts } from "../data-lock.ts";
import { findLeftovers, killLeftovers } from "../process/leftovers.ts";
import { readLedger, type LedgerLine } from "../steps/ledger.ts";

const MAIN = fileURLToPath(new URL("../main.ts", import.meta.url));
const POLL_MS = 10;

/** A data directory of a test. Disposing of it ends whatever still runs on it, so that a failed test leaves nothing. */
export class TestData implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), "slipway-test-"));
  readonly #started: SlipwayProcess[] = [];

  /** `npm start -- args` on this directory. */
  start(...args: readonly string[]): SlipwayProcess {
    const slipway = new SlipwayProcess(this, args);
    this.#started.push(slipway);
    return slipway;
  }

  /** Deployments that have a ledger. */
  deployments(): readonly string[] {
    try {
      return readdirSync(join(this.directory, "deployments"));
    } catch {
      return []; // None has begun.
    }
  }

  ledger(deployment: string): readonly LedgerLine[] {
    return readLedger(join(this.directory, "deployments", deployment, "ledger.jsonl"));
  }

  /** Lines of all ledgers. */
  progress(): number {
    return this.deployments().reduce((sum, deployment) => sum + this.ledger(deployment).length, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const slipway of this.#started) await slipway.kill();
    killLeftovers(this.directory);
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 5 });
  }
}

export class SlipwayProcess {
  readonly pid: number;
  readonly exited: Promise<number | undefined>;
  output = "";
  readonly #child: ChildProcess;
  #isOver = false;

  constructor(data: TestData, args: readonly string[]) {
    this.#child = spawn(
      process.execPath,
      [MAIN, ...args, "--data", data.directory, "--edge-port", "0", "--control-port", "0"],
      { stdio: ["ignore", "pipe", "pipe"], detached: true },
    );
    this.pid = this.#child.pid ?? 0;
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => (this.output += text));
    }
    this.exited = new Promise((resolve) => {
      this.#child.once("close", (code) => {
        this.#isOver = true;
        resolve(code ?? undefined);
      });
    });
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** kill -9 of the whole process group. Resolves when it is gone. */
  async kill(): Promise<void> {
    if (!this.#isOver) process.kill(-this.pid, "SIGKILL");
    await this.exited;
  }

  async terminate(): Promise<number | undefined> {
    if (!this.#isOver) process.kill(this.pid, "SIGTERM");
    return this.exited;
  }

  /** Waits for a text in its output. Fails, with the output, when it ends without. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    await until(() => pattern.test(this.output) || this.#isOver);
    const match = pattern.exec(this.output);
    if (match === null) throw new Error(`Slipway ended without saying ${pattern}:\n${this.output}`);
    return match;
  }
}

/** Waits for something that must come. The test's own timeout is the limit. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
}

/** Everything that runs on the data directory has ended. */
export async function untilNothingRuns(data: TestData): Promise<void> {
  await until(() => findLeftovers(data.directory).length === 0);
}

export function controlOf(data: TestData): string {
  const control = readRunFacts(data.directory)?.control;
  if (control === undefined) throw new Error("Slipway takes no commands yet.");
  return control;
}

export interface Page {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: string;
}

/** Fetches a page as a visitor of the host name would. */
export function fetchPage(port: number, host: string, path = "/"): Promise<Page> {
  return new Promise((resolve, reject) => {
    const visit = request({
      host: "127.0.0.1",
      port,
      path,
      headers: { host: `${host}:${port}` },
      agent: false,
    });
    visit.once("error", reject);
    visit.once("response", (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text: string) => (body += text));
      response.once("error", reject);
      response.once("end", () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
      );
    });
    visit.end();
  });
}
