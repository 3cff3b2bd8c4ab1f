/** The handlers of the workload in a process of their own, which can be killed, frozen and started again at the same address. */
import { fileURLToPath } from "node:url";

import { Child, killProcess } from "./child.ts";

const PROGRAM = fileURLToPath(new URL("../workload/handler-program.ts", import.meta.url));
const START_MS_MAX = 30_000;

export type HandlerOptions = {
  /** The file that the handlers append to. */
  readonly ledger: string;
  /** Another program than the honest one. It is given the port and `ledger`, whatever that means to it. */
  readonly program?: string;
};

export class HandlerProcess {
  readonly #program: string;
  readonly #argument: string;
  #environment: Readonly<Record<string, string>> = {};
  #child: Child | undefined;
  #port = 0;

  constructor(options: HandlerOptions) {
    this.#program = options.program ?? PROGRAM;
    this.#argument = options.ledger;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async start(): Promise<void> {
    const args = [this.#program, String(this.#port), this.#argument];
    this.#child = new Child({ command: process.execPath, args, environment: this.#environment });
    this.#port = await this.#child.line("the handlers were served", portIn, START_MS_MAX);
  }

  async kill(): Promise<void> {
    await this.#child?.kill();
  }

  /** `environment`: from now on another one. */
  async restart(environment: Readonly<Record<string, string>> = this.#environment): Promise<void> {
    await this.kill();
    this.#environment = environment;
    await this.start();
  }

  freeze(): void {
    killProcess(this.#child?.pid ?? 0, "SIGSTOP");
  }

  thaw(): void {
    killProcess(this.#child?.pid ?? 0, "SIGCONT");
  }
}

function portIn(line: string): number | undefined {
  const found = /^listening (\d+)$/.exec(line);
  return found === null ? undefined : Number(found[1]);
}
