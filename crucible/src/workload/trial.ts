/** One data directory with the handlers that serve it, all that was acknowledged on it, and who checks that. */
import type { EngineProcess } from "../process/engine-process.ts";
import { HandlerProcess } from "../process/handler-process.ts";
import type { TemporaryDirectory } from "../process/temporary-directory.ts";
import { Acknowledgements } from "./acknowledgements.ts";
import { post } from "./http.ts";
import { Load } from "./load.ts";
import type { Random } from "./random.ts";
import { Verifier } from "./verifier.ts";

export type TrialOptions = {
  readonly directory: TemporaryDirectory;
  readonly random: Random;
  /** Distinguishes trials that share a directory. */
  readonly name?: string;
  /** Default true. False where the handlers' clock changes. */
  readonly checkWakeUps?: boolean;
  /** Instead of a new directory below `directory`. */
  readonly data?: string;
};

export class Trial implements AsyncDisposable {
  /** The engine's data directory. */
  readonly data: string;
  readonly handlers: HandlerProcess;
  readonly acknowledgements = new Acknowledgements();
  readonly verifier: Verifier;
  readonly #random: Random;
  #loads = 0;

  private constructor(options: TrialOptions) {
    const { directory, random, name = "trial" } = options;
    this.data = options.data ?? directory.make(`${name}-data`);
    this.#random = random;
    const ledger = directory.file(`${name}-ledger`);
    this.handlers = new HandlerProcess({ ledger });
    this.verifier = new Verifier({
      acknowledgements: this.acknowledgements,
      ledger,
      random,
      ...(options.checkWakeUps === undefined ? {} : { checkWakeUps: options.checkWakeUps }),
    });
  }

  /** Starts the handlers. The engine is up to the experiment. */
  static async begin(options: TrialOptions): Promise<Trial> {
    const trial = new Trial(options);
    await trial.handlers.start();
    return trial;
  }

  /** Tells the engine of the handlers. To be done once for each data directory. */
  async register(engine: EngineProcess): Promise<void> {
    await registerDeployment(engine, this.handlers.url);
  }

  load(
    engine: EngineProcess,
    options: { readonly clients?: number; readonly pauseMsMax?: number } = {},
  ): Load {
    this.#loads += 1;
    return new Load({
      ingressUrl: engine.ingressUrl,
      acknowledgements: this.acknowledgements,
      random: this.#random,
      name: `l${this.#loads}`,
      ...options,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.handlers.kill();
  }
}

export async function registerDeployment(engine: EngineProcess, url: string): Promise<void> {
  const answer = await post(`${engine.adminUrl}/deployments`, { body: { url } });
  if (answer.status >= 300) throw new Error(`cannot register ${url}: ${answer.status} ${answer.text}`);
}
