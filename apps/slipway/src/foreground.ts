import { randomUUID } from "node:crypto";

import { commandFlags, type Config } from "./config.ts";
import { controlHandlers } from "./control/control-handlers.ts";
import { ControlServer } from "./control/control-server.ts";
import { lockData, type DataLock } from "./data-lock.ts";
import type { RunningDeployment } from "./deployments.ts";
import type { DeploymentEntry } from "./durable/catalogue.ts";
import { Platform } from "./platform.ts";
import { watchKeys } from "./terminal/keys.ts";
import { ProgressView } from "./terminal/progress-view.ts";
import { failureReport, liveReport } from "./terminal/report.ts";
import type { Terminal } from "./terminal/terminal.ts";

/** An instance that was live before is expected back within this time. */
const SERVED_TIMEOUT_MS = 60_000;

export interface StartCommand {
  readonly directory: string | undefined;
  readonly once: boolean;
}

/** Slipway in the foreground of a terminal: starts, deploys, shows, and ends when it is told to. */
export class Foreground {
  /** Tells what this run did from what earlier ones did. */
  readonly #run: string;
  readonly #config: Config;
  readonly #terminal: Terminal;
  readonly #view: ProgressView;
  readonly #lock: DataLock;
  readonly #platform: Platform;
  readonly #control: ControlServer;
  readonly #controlUrl: string;
  readonly #quit = Promise.withResolvers<void>();
  #isOnce = false;
  /** What `d` deploys and `r` rolls back. */
  #latest: Pick<DeploymentEntry, "directory" | "host"> | undefined = undefined;

  private constructor(parts: {
    readonly run: string;
    readonly config: Config;
    readonly terminal: Terminal;
    readonly view: ProgressView;
    readonly lock: DataLock;
    readonly platform: Platform;
    readonly control: ControlServer;
    readonly controlUrl: string;
  }) {
    this.#run = parts.run;
    this.#config = parts.config;
    this.#terminal = parts.terminal;
    this.#view = parts.view;
    this.#lock = parts.lock;
    this.#platform = parts.platform;
    this.#control = parts.control;
    this.#controlUrl = parts.controlUrl;
  }

  /** Runs until it is done or told to quit. Returns the exit code. Throws `DataLockedError`. */
  static async run(config: Config, command: StartCommand, terminal: Terminal): Promise<number> {
    const facts = { pid: process.pid, startedAt: new Date().toISOString() };
    const lock = lockData(config.dataDirectory, facts);
    const view = new ProgressView({ screen: terminal.screen, style: terminal.style, now: () => Date.now() });
    const run = randomUUID();
    const platform = await Platform.open(config, run, {
      onStep: (news) => view.step(news),
      onBuildOutput: (_deployment, line) => view.printOutput(line),
      onWarning: (message) => view.print(`  ${terminal.style.dim(message)}`),
    });
    const control = new ControlServer(controlHandlers(platform, (directory) => foreground.#begin(directory)));
    const controlUrl = await control.listen(config.controlPort);
    lock.describe({ ...facts, control: controlUrl });
    const foreground = new Foreground({ run, config, terminal, view, lock, platform, control, controlUrl });
    return foreground.#untilDone(command);
  }

  async #untilDone(command: StartCommand): Promise<number> {
    this.#isOnce = command.once;
    const stopWatching = this.#watch();
    try {
      const isFine = await Promise.race([this.#deployWhatIsDue(command), this.#quit.promise]);
      if (command.once) return isFine === true ? 0 : 1;
      await this.#quit.promise;
      return 0;
    } finally {
      stopWatching();
      await this.#close();
    }
  }

  /** Goes on with what was interrupted, and deploys what was asked for. Resolves with whether all of it is live. */
  async #deployWhatIsDue({ directory }: StartCommand): Promise<boolean> {
    const { deployments, leftovers } = this.#platform;
    this.#view.print(`Slipway: visitors on port ${this.#platform.edgePort}, commands on ${this.#controlUrl}`);
    if (leftovers > 0) this.#view.print(`  ended ${leftovers} processes that an earlier run left behind`);

    const entries = await deployments.list();
    const open = entries.filter(({ status }) => status === "open");
    const resumed = open.map((entry) => this.#resume(entry));
    this.#view.release();
    const due = await this.#directoryDue(entries, directory);
    const started = due === undefined ? [] : [this.#begin(due)];
    const all = [...resumed, ...started];
    if (all.length === 0) return this.#showWhatIsLive();
    const outcomes = await Promise.all(all.map(async (each) => this.#show(each)));
    return outcomes.every(Boolean);
  }

  /** The directory to be deployed at the start: what was asked for, or the sample when that is new or has changed. */
  async #directoryDue(
    entries: readonly DeploymentEntry[],
    asked: string | undefined,
  ): Promise<string | undefined> {
    const directory = asked ?? this.#config.sampleDirectory;
    const same = entries.filter((entry) => entry.directory === directory);
    if (same.some(({ status }) => status === "open")) return undefined;
    if (asked !== undefined) return directory;
    const latest = same.findLast(({ status }) => status === "live");
    if (latest === undefined)
      return entries.some(({ status }) => status !== "failed") ? undefined : directory;
    const isUnchanged = latest.source === (await this.#platform.deployments.digestOf(directory));
    return isUnchanged ? undefined : directory;
  }

  async #begin(directory: string): Promise<RunningDeployment> {
    const { deployments } = this.#platform;
    const entry = await deployments.create(directory);
    this.#latest = entry;
    const title = this.#terminal.style.bold(`deploying ${entry.deployment}`);
    this.#view.print(`${title} (#${entry.number}) from ${directory}`);
    return deployments.resume(entry);
  }

  #resume(entry: DeploymentEntry): Promise<RunningDeployment> {
    const title = this.#terminal.style.bold(`resuming deployment ${entry.deployment}`);
    this.#view.print(`${title} (#${entry.number}) from ${entry.directory}`);
    for (const { event, step, note, run } of this.#platform.ledger(entry.deployment)) {
      if (event === "done" && run !== this.#run) this.#view.printFinished(step, note);
    }
    return this.#platform.deployments.resume(entry);
  }

  /** Waits for the end of a deployment and shows it. */
  async #show(begun: Promise<RunningDeployment>): Promise<boolean> {
    let what = "The deployment could not be started";
    try {
      const running = await begun;
      what = `Deployment ${running.entry.deployment} failed`;
      this.#latest = running.entry;
      await running.outcome;
      await this.#report(running.entry);
      return true;
    } catch (error) {
      this.#view.print(`\n${failureReport(what, error, this.#terminal.style)}\n`);
      return false;
    }
  }

  /** Nothing is to be done but to bring back what was live before. */
  async #showWhatIsLive(): Promise<boolean> {
    const hosts = await this.#platform.status();
    let isFine = true;
    for (const { host, domain } of hosts) {
      const entry = await this.#platform.liveOf(host);
      if (domain.live === undefined || entry === undefined) continue;
      this.#latest = entry;
      try {
        await this.#platform.whenServed(host, domain.live, AbortSignal.timeout(SERVED_TIMEOUT_MS));
        await this.#report(entry);
      } catch (error) {
        this.#view.print(`\n${failureReport(`${domain.live} is not back`, error, this.#terminal.style)}\n`);
        isFine = false;
      }
    }
    return isFine;
  }

  async #report({ host, directory }: Pick<DeploymentEntry, "host" | "directory">): Promise<void> {
    const hosts = await this.#platform.status();
    const status = hosts.find((each) => each.host === host);
    if (status === undefined) return;
    const report = liveReport(
      {
        status,
        url: this.#platform.urlOf(host),
        directory,
        control: this.#controlUrl,
        pid: process.pid,
        logs: this.#platform.directoryOf(status.domain.live ?? ""),
        hasKeys: this.#terminal.keys !== undefined,
        cwd: this.#terminal.cwd,
        flags: commandFlags(this.#config),
        isLast: this.#isOnce,
      },
      this.#terminal.style,
    );
    this.#view.print(report);
  }

  /** Listens to signals and, where somebody sits, to keys. Returns how to stop. */
  #watch(): () => void {
    const quit = (): void => this.#quit.resolve();
    const signals: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"];
    for (const signal of signals) process.once(signal, quit);
    const { keys } = this.#terminal;
    const stopKeys =
      keys === undefined || this.#isOnce ? undefined : watchKeys(keys, (key) => this.#onKey(key));
    return () => {
      for (const signal of signals) process.off(signal, quit);
      stopKeys?.();
    };
  }

  #onKey(key: string): void {
    const latest = this.#latest;
    if (key === "q") this.#quit.resolve();
    // Both show their own failures.
    if (key === "d" && latest !== undefined) {
      void this.#show(this.#begin(latest.directory));
    }
    if (key === "r" && latest !== undefined) void this.#rollBack(latest.host);
  }

  async #rollBack(host: string): Promise<void> {
    try {
      const outcome = await this.#platform.rollBack(host);
      if (outcome.kind !== "switched") return;
      this.#view.print(`${host} leads to ${outcome.made.to} again, in place of ${outcome.made.from}.`);
    } catch (error) {
      this.#view.print(failureReport("Not rolled back", error, this.#terminal.style));
    }
  }

  async #close(): Promise<void> {
    this.#view.close();
    const open = (await this.#platform.deployments.list()).filter(({ status }) => status === "open");
    for (const { deployment } of open) this.#view.print(`${deployment} goes on at the next npm start.`);
    await this.#control.close();
    await this.#platform.close();
    this.#lock.release();
  }
}
