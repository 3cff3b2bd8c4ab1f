/** The engine inside a program of the user's own, on a directory that `holdfast serve` can take over later. */
import { existsSync } from "node:fs";

import { defaultFoldSettings, type FoldSettings } from "@holdfast/engine";
import { shownLine, type Servable } from "@holdfast/protocol";

import { systemClock } from "./clock.ts";
import { openDataDirectory, type DataDirectory } from "./data-directory.ts";
import { endpointsOf } from "./embedded/endpoints.ts";
import { LocalClient } from "./embedded/local-client.ts";
import { Engine, type EngineLimits } from "./engine.ts";
import { identityKey, identityKeyPath } from "./identity-key.ts";

export type HoldfastOptions = {
  /** Where log and checkpoints are kept; made when it is not there. One process at a time. */
  readonly dir: string;
  /** Definitions made with `service`, `object` and `workflow` of the SDK. */
  readonly services: readonly Servable[];
  /** Timeouts, retry policy, retention and limits of journals and state, where they shall not be the defaults. */
  readonly settings?: Partial<FoldSettings>;
  readonly limits?: Partial<EngineLimits>;
  /**
   * The engine cannot go on: a sync failed, or the partition found itself in a state that cannot be. Nothing more is
   * acknowledged. Default: print the reason and exit with status 70, so that whoever supervises the process restarts it.
   */
  readonly onFailed?: (reason: Error) => void;
  /** Default: console.warn. */
  readonly onWarning?: (message: string) => void;
};

const EXIT_SOFTWARE_ERROR = 70;
/** Longest interval that Node's timers can count. */
const INTERVAL_MS_MAX = 2 ** 31 - 1;

export class Holdfast extends LocalClient {
  /** The engine itself, for whoever wants to serve its ingress and admin API. */
  readonly engine: Engine;
  readonly #directory: DataDirectory;
  readonly #letProcessEnd: () => void;

  private constructor(engine: Engine, directory: DataDirectory, letProcessEnd: () => void) {
    super(engine);
    this.engine = engine;
    this.#directory = directory;
    this.#letProcessEnd = letProcessEnd;
  }

  /**
   * Opens the directory, recovers what it holds, and goes on with it. The process stays alive until `close`, because work
   * may become due at any time. Fails when another process has the directory open, when it is damaged, or when a newer
   * version wrote it.
   *
   * @example
   * const engine = await Holdfast.open({ dir: "./data", services: [greeter] });
   * console.log(await engine.call(greeter.greet, "Ada"));
   */
  static async open(options: HoldfastOptions): Promise<Holdfast> {
    await using opened = new AsyncDisposableStack();
    const letProcessEnd = keepProcessAlive();
    opened.defer(letProcessEnd);
    const onWarning =
      options.onWarning ?? ((message: string) => console.warn(`holdfast: ${shownLine(message)}`));
    const directory = await openDataDirectory(options.dir, { onWarning });
    opened.defer(() => directory.close());
    const engine = await Holdfast.#openEngine(options, directory, onWarning);
    opened.move();
    return new Holdfast(engine, directory, letProcessEnd);
  }

  static #openEngine(
    options: HoldfastOptions,
    directory: DataDirectory,
    onWarning: (message: string) => void,
  ): Promise<Engine> {
    const keyPath = identityKeyPath(options.dir);
    return Engine.open({
      clock: systemClock,
      log: directory.log,
      store: directory.store,
      endpoints: endpointsOf(options.services),
      wasCrash: directory.wasCrash,
      // A server that had this directory may have registered endpoints that listen to its key alone. Only the key in the
      // directory is found: one that `identity.keyFile` named is not, and those endpoints refuse this engine.
      ...(existsSync(keyPath) ? { identity: identityKey(keyPath) } : {}),
      settings: { ...defaultFoldSettings, ...options.settings },
      ...(options.limits === undefined ? {} : { limits: options.limits }),
      onFailed: options.onFailed ?? exitWith,
      onWarning,
    });
  }

  /** Stops acting and lets go of the directory. A crash instead loses nothing. */
  async close(): Promise<void> {
    // The directory is let go of and the process may end, also when the engine cannot be closed in order.
    await using opened = new AsyncDisposableStack();
    opened.defer(this.#letProcessEnd);
    opened.defer(() => this.#directory.close());
    await this.engine.close();
    this.#directory.noteEnd(this.engine.health());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** The engine's own timers and threads do not: a process that only waits for one of them would end in the middle of it. */
function keepProcessAlive(): () => void {
  const interval = setInterval(() => {}, INTERVAL_MS_MAX);
  return () => clearInterval(interval);
}

/** Nothing may be acknowledged any more, and whatever is in memory may be wrong: end, and recover from what is durable. */
export function exitWith(reason: Error): void {
  console.error(`holdfast: stopped: ${shownLine(reason.message)}`);
  process.exit(EXIT_SOFTWARE_ERROR);
}
