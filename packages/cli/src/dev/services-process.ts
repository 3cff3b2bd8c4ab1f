/** The process in which the user's services file runs: it may crash, hang or be replaced without the engine noticing more than that. */
import { spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

import type { FileError, FromServices, ToServices } from "./messages.ts";
import { selfCommand } from "./self-command.ts";

/** Handlers get a moment to end what they are at; what is cut off is done again. */
const STOP_MS_MAX = 3_000;

export type ServicesProcessOptions = {
  readonly file: string;
  readonly port: number;
  readonly directory: string;
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly onImported: (file: string, stamp: string) => void;
  readonly onLine: (stream: "stdout" | "stderr", line: string) => void;
};

export type StartOutcome =
  | { readonly kind: "ready"; readonly url: string; readonly port: number }
  | { readonly kind: "failed"; readonly error: FileError };

export class ServicesProcess {
  /** What came of importing and serving the file. */
  readonly started: Promise<StartOutcome>;
  /** In words, for when nobody asked it to end. */
  readonly exited: Promise<string>;
  readonly #child: ChildProcess;

  constructor(options: ServicesProcessOptions) {
    const { file: program, args } = selfCommand();
    const words = ["dev-services", options.file, "--port", String(options.port)];
    this.#child = spawn(program, [...args, ...words], {
      cwd: options.directory,
      env: options.variables,
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    forwardLines(this.#child.stdout, (line) => options.onLine("stdout", line));
    forwardLines(this.#child.stderr, (line) => options.onLine("stderr", line));
    this.exited = untilExit(this.#child);
    this.started = this.#untilStarted(options);
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Resolves when it is gone. */
  async stop(): Promise<void> {
    const stop: ToServices = { kind: "stop" };
    if (this.#child.connected) this.#child.send(stop, () => {});
    else this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), STOP_MS_MAX);
    await this.exited;
    clearTimeout(timer);
  }

  async #untilStarted({ onImported }: ServicesProcessOptions): Promise<StartOutcome> {
    const outcome = new Promise<StartOutcome>((resolve) => {
      this.#child.on("message", (message: FromServices) => {
        if (message.kind === "imported") onImported(message.file, message.stamp);
        else resolve(message);
      });
    });
    const died = this.exited.then((how): StartOutcome => ({
      kind: "failed",
      error: { message: `The process of the services file ${how} before it was ready`, places: [] },
    }));
    return Promise.race([outcome, died]);
  }
}

function untilExit(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once("error", (error) => resolve(`could not be started: ${error.message}`));
    // Comes after the last line of output, unlike "exit".
    child.once("close", (code: number | null, signal: NodeJS.Signals | null) =>
      resolve(signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`),
    );
  });
}

function forwardLines(stream: Readable | null, onLine: (line: string) => void): void {
  if (stream !== null) createInterface({ input: stream }).on("line", onLine);
}
