/** Keeps the services file running beside the engine: starts it, registers it, and starts it anew when it changes or ends. */
import { setTimeout as wait } from "node:timers/promises";

import type { AdminClient } from "@holdfast/client";

import { failureOf } from "../failure.ts";
import { untilAborted } from "../server/stop-signal.ts";
import { lastPort, rememberPort } from "./dev-directory.ts";
import type { DevReporter } from "./dev-reporter.ts";
import { ServicesProcess, type ServicesProcessOptions, type StartOutcome } from "./services-process.ts";
import { WatchedFiles } from "./watched-files.ts";

export type DevSessionOptions = {
  readonly file: string;
  readonly data: string;
  readonly ingressUrl: string;
  /** The port that was asked for. */
  readonly servicePort: number | undefined;
  readonly admin: AdminClient;
  readonly reporter: DevReporter;
  readonly stop: AbortSignal;
} & Pick<ServicesProcessOptions, "directory" | "variables">;

const AGAIN_MS_MIN = 250;
const AGAIN_MS_MAX = 5_000;
/** A process that lived so long ended for a reason of its own. */
const HEALTHY_MS = 10_000;

type Ended =
  | { readonly why: "stopped" }
  | { readonly why: "changed" }
  | { readonly why: "exited"; readonly how: string };

/** One process of the services, as far as it is told of. */
type Life = { readonly began: number; readonly pid: number | undefined };

export class DevSession {
  readonly #options: DevSessionOptions;
  readonly #files: WatchedFiles;
  #port: number;
  #hasBeenReady = false;
  #againMs = AGAIN_MS_MIN;

  constructor(options: DevSessionOptions) {
    this.#options = options;
    this.#files = new WatchedFiles((message) => options.reporter.warning(message));
    this.#port = options.servicePort ?? lastPort(options.data) ?? 0;
  }

  /** Until it is told to stop. */
  async run(): Promise<void> {
    const { stop, reporter, file } = this.#options;
    this.#files.add(file);
    try {
      while (!stop.aborted) {
        const began = performance.now();
        const ended = await this.#runOnce(began);
        if (ended.why !== "exited") continue;
        if (performance.now() - began > HEALTHY_MS) this.#againMs = AGAIN_MS_MIN;
        reporter.exited(ended.how, this.#againMs);
        await this.#pause();
      }
    } finally {
      this.#files.close();
    }
  }

  /** One life of the services' process. It is gone when this resolves. */
  async #runOnce(began: number): Promise<Ended> {
    const { file, directory, variables, reporter, stop } = this.#options;
    const services = new ServicesProcess({
      file,
      directory,
      variables,
      port: this.#port,
      onImported: (imported, stamp) => this.#files.add(imported, stamp),
      onLine: (stream, line) => reporter.line(stream, line),
    });
    using interrupted = new Interruption(stop);
    const changed = this.#untilChanged(interrupted.signal);
    const stopped = untilAborted(stop).then((): Ended => ({ why: "stopped" }));
    const outcome = await Promise.race([services.started, changed, stopped]);
    if ("kind" in outcome) await this.#report(outcome, { began, pid: services.pid });
    // What cannot be used is replaced when it changes; that its process has ended says nothing more.
    const isReady = "kind" in outcome && outcome.kind === "ready";
    const exited = services.exited.then((how): Ended => ({ why: "exited", how }));
    const ended = await Promise.race([changed, stopped, ...(isReady ? [exited] : [])]);
    await services.stop();
    return ended;
  }

  async #untilChanged(signal: AbortSignal): Promise<Ended> {
    const files = await this.#files.change(signal);
    if (files === undefined) return { why: "stopped" };
    this.#options.reporter.changed(files);
    this.#againMs = AGAIN_MS_MIN;
    return { why: "changed" };
  }

  async #report(outcome: StartOutcome, life: Life): Promise<void> {
    const { reporter, stop } = this.#options;
    if (outcome.kind === "failed") {
      reporter.fileFailed(outcome.error);
      return;
    }
    try {
      await this.#register(outcome, life);
    } catch (error) {
      if (!stop.aborted) reporter.refused(failureOf(error));
    }
  }

  async #register(outcome: StartOutcome & { readonly kind: "ready" }, life: Life): Promise<void> {
    const { admin, reporter, data, ingressUrl } = this.#options;
    const { url, port } = outcome;
    if (port !== this.#port && this.#port !== 0) reporter.moved(this.#port, port);
    this.#port = port;
    rememberPort(data, port);
    const { deployment } = await admin.deployments.register({ url, force: true, breaking: true });
    const id = deployment?.id ?? "";
    const all = await admin.services.list();
    reporter.ready({
      ingressUrl,
      serviceUrl: url,
      deployment: id,
      pid: life.pid,
      services: all.filter((service) => service.deployment === id),
      ms: Math.round(performance.now() - life.began),
      isReload: this.#hasBeenReady,
    });
    this.#hasBeenReady = true;
    await this.#retryNow(id);
  }

  /** What failed with the code before, or found nobody there, need not wait for its time. */
  async #retryNow(deployment: string): Promise<void> {
    const { admin } = this.#options;
    await admin.invocations.bulk({ action: "resume", filter: { deployment, status: ["backing-off"] } });
  }

  /** A file that crashes at once must not keep the machine busy; a change is a reason to try at once. */
  async #pause(): Promise<void> {
    using interrupted = new Interruption(this.#options.stop);
    const pause = wait(this.#againMs, undefined, { signal: interrupted.signal }).catch(() => {
      // Stopped, or the file changed.
    });
    this.#againMs = Math.min(AGAIN_MS_MAX, this.#againMs * 2);
    await Promise.race([pause, this.#untilChanged(interrupted.signal)]);
  }
}

/** Ends what was begun for a while when that is over, or when everything is. */
class Interruption implements Disposable {
  readonly signal: AbortSignal;
  readonly #controller = new AbortController();

  constructor(outer: AbortSignal) {
    this.signal = AbortSignal.any([outer, this.#controller.signal]);
  }

  [Symbol.dispose](): void {
    this.#controller.abort();
  }
}
