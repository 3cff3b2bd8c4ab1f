import { appendFileSync, mkdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

import { TerminalError } from "@holdfast/sdk";

import type { Builder, BuildRequest, Built } from "../ports/builder.ts";
import type { TreeStore } from "../ports/tree-store.ts";
import { childEnvironment } from "../process/child-environment.ts";
import { LeashedProcess } from "../process/leashed-process.ts";
import { readApplication } from "./application.ts";

const SHOWN_LINES_MAX = 20;

export interface NpmBuilderOptions {
  readonly store: TreeStore;
  /** Builds happen in it. Cleared by whoever starts the program. */
  readonly workDirectory: string;
  readonly logPath: (deployment: string) => string;
  /** Told of every line a build prints. */
  readonly onOutput: (deployment: string, line: string) => void;
  /** The data directory. */
  readonly owner: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The npm to use, as a command line. */
  readonly npm: string;
}

/** Builds with the application's own scripts, in a directory that no earlier execution has touched. */
export class NpmBuilder implements Builder {
  readonly #options: NpmBuilderOptions;
  #builds = 0;

  constructor(options: NpmBuilderOptions) {
    this.#options = options;
  }

  async build(request: BuildRequest, signal: AbortSignal): Promise<Built> {
    const { store, workDirectory } = this.#options;
    this.#builds += 1;
    const directory = join(workDirectory, `${request.deployment}.${this.#builds}`);
    try {
      await store.unpack(request.source, directory);
      const application = readApplication(directory);
      if (application.install !== undefined) await this.#run(request, directory, application.install, signal);
      if (application.hasBuild) await this.#run(request, directory, "npm run build", signal);
      const artifact = await store.put(directory, request.deployment, (path) => path === ".git");
      return { artifact, start: application.start };
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }

  async #run(request: BuildRequest, directory: string, command: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { deployment } = request;
    const { npm, owner, environment } = this.#options;
    const log = this.#openLog(deployment);
    log(`$ ${command}`);
    const child = LeashedProcess.start({
      commandLine: `${npm}${command.slice("npm".length)}`,
      directory,
      environment: childEnvironment(environment, { owner, directory }, { CI: "1", NO_UPDATE_NOTIFIER: "1" }),
      output: "pipe",
    });
    const last: string[] = [];
    const reading = child.outputs.map((output) =>
      readLines(output, (line) => {
        log(line);
        last.push(line);
        if (last.length > SHOWN_LINES_MAX) last.shift();
      }),
    );
    const stop = (): void => void child.stop(); // `exited` below tells when it has ended.
    signal.addEventListener("abort", stop, { once: true });
    const exitCode = await child.exited;
    await Promise.all(reading);
    signal.removeEventListener("abort", stop);
    signal.throwIfAborted();
    if (exitCode === 0) return;
    throw new TerminalError(`${command} ended with exit code ${exitCode}.`, {
      code: "build_command_failed",
      status: 422,
      data: { command, exitCode, lastLines: last },
    });
  }

  #openLog(deployment: string): (line: string) => void {
    const path = this.#options.logPath(deployment);
    mkdirSync(dirname(path), { recursive: true });
    return (line) => {
      appendFileSync(path, `${line}\n`);
      this.#options.onOutput(deployment, line);
    };
  }
}

async function readLines(output: Readable, onLine: (line: string) => void): Promise<void> {
  for await (const line of createInterface({ input: output, crlfDelay: Number.POSITIVE_INFINITY }))
    onLine(line);
}
