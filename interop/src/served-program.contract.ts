/** The program of a language in a process of its own, its ledger, and its gates. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Language } from "./languages.ts";
import { freePort, StartedProcess } from "./started-process.contract.ts";
import { pause, type World } from "./world.contract.ts";

const READY_TRIES = 600;
const READY_PAUSE_MS = 50;
const STOP_GRACE_MS = 1_500;

/** The program, and an engine of one test that has registered it. */
export type Served = { readonly program: ServedProgram; readonly world: World };
export type OpenServed = () => Promise<Served>;

export class ServedProgram {
  readonly url: string;
  /** Where engines of the test may put their data, too. Is removed with the program. */
  readonly folder: string = mkdtempSync(join(tmpdir(), "holdfast-interop-"));
  readonly #language: Language;
  readonly #port: number;
  #process: StartedProcess;

  private constructor(language: Language, port: number) {
    this.#language = language;
    this.#port = port;
    this.url = `http://127.0.0.1:${port}`;
    this.#process = this.#spawn();
  }

  static async start(language: Language): Promise<ServedProgram> {
    return new ServedProgram(language, await freePort());
  }

  /** A new process, at the address of the last. */
  restart(): void {
    assert.ok(this.#process.hasEnded, "the last process still runs");
    this.#process = this.#spawn();
  }

  async end(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    await this.#process.end(signal);
  }

  /** As whoever runs it would end it: asked to, and killed when it takes its time, for an idle connection or so. */
  async stop(): Promise<void> {
    const process = this.#process;
    const grace = setTimeout(() => void process.end("SIGKILL"), STOP_GRACE_MS);
    await process.end("SIGTERM");
    clearTimeout(grace);
  }

  async close(): Promise<void> {
    await this.#process.end("SIGKILL");
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Tries again what fails as long as the program has only just begun. */
  async whenReady<Value>(what: () => Promise<Value>): Promise<Value> {
    for (let tries = 1; ; tries++) {
      try {
        return await what();
      } catch (error) {
        if (this.#process.hasEnded)
          throw new Error(`the program ended: ${this.#process.output}`, { cause: error });
        if (tries === READY_TRIES) throw error;
        await pause(READY_PAUSE_MS);
      }
    }
  }

  /** What steps said so far that carried this name, in order. */
  said(name: string): string[] {
    const path = join(this.folder, "ledger");
    if (!existsSync(path)) return [];
    const lines = readFileSync(path, "utf8").split("\n");
    return lines.filter((line) => line.startsWith(`${name}:`)).map((line) => line.slice(name.length + 1));
  }

  /** Lets steps pass that wait for it, now and later. */
  openGate(name: string, step: string): void {
    writeFileSync(join(this.folder, `${name}.${step}`), "");
  }

  #spawn(): StartedProcess {
    const [command, ...args] = this.#language.run;
    return new StartedProcess([command, ...args, String(this.#port), this.folder]);
  }
}
