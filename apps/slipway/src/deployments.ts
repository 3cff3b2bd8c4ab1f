import { randomBytes } from "node:crypto";
import { posix, relative } from "node:path";

import { HoldfastError } from "@holdfast/protocol";
import type { LocalClient, LocalHandle } from "@holdfast/server";

import { readApplication } from "./build/application.ts";
import { CATALOGUE, type DeploymentEntry } from "./durable/catalogue.ts";
import type { DeployResult } from "./durable/deploy.ts";
import type { Services } from "./durable/services.ts";
import type { LeaveOut, Tree, TreeStore } from "./ports/tree-store.ts";
import type { StepRecorder } from "./steps/step-recorder.ts";

/** Names of what is not an application's source, wherever in it they occur. */
const NOT_SOURCE = new Set([".git", ".hg", ".svn", "node_modules", ".slipway", ".holdfast", ".DS_Store"]);
const HOST_SUFFIX = ".localhost";
const ID_BYTES = 4;
const BYTES_PER_KB = 1024;

export interface DeploymentsParts {
  readonly engine: LocalClient;
  readonly services: Services;
  readonly store: TreeStore;
  readonly recorder: StepRecorder;
  readonly dataDirectory: string;
}

/** A deployment under way, or one that has just ended. */
export interface RunningDeployment {
  readonly entry: DeploymentEntry;
  /** Rejects with the reason when it fails. */
  readonly outcome: Promise<DeployResult>;
}

/**
 * Starts deployments, and uploads their sources.
 *
 * Crash argument: the catalogue's entry comes first. Behind it, everything is done again at the next start until the
 * workflow has ended: starting it (its key makes that harmless) and uploading (the promise is resolved once).
 */
export class Deployments {
  readonly #parts: DeploymentsParts;

  constructor(parts: DeploymentsParts) {
    this.#parts = parts;
  }

  /** Oldest first. */
  list(): Promise<readonly DeploymentEntry[]> {
    const { engine, services } = this.#parts;
    return engine.call(services.catalogue.list, CATALOGUE);
  }

  /**
   * Writes a deployment down; `resume` begins it. From here on it will be carried out, whatever crashes.
   *
   * @throws TerminalError "application_invalid" when the directory holds nothing that can be deployed.
   */
  async create(directory: string): Promise<DeploymentEntry> {
    const { engine, services } = this.#parts;
    const { name: app } = readApplication(directory);
    const deployment = `${app}-${randomBytes(ID_BYTES).toString("hex")}`;
    const host = `${app}${HOST_SUFFIX}`;
    return engine.call(services.catalogue.begin, CATALOGUE, { deployment, app, host, directory });
  }

  /** Begins a deployment, or goes on with it wherever it was interrupted. */
  async resume(entry: DeploymentEntry): Promise<RunningDeployment> {
    const handle = await this.#startWorkflow(entry);
    const outcome = handle.attach();
    outcome.catch(() => undefined); // Its owner is told; until there is one, this is not an accident.
    await this.#upload(entry);
    return { entry, outcome };
  }

  /** Digest of the source as a deployment of the directory would take it now. */
  digestOf(directory: string): Promise<string> {
    return this.#parts.store.digestOf(directory, this.#leaveOut(directory));
  }

  async #startWorkflow(entry: DeploymentEntry): Promise<LocalHandle<DeployResult>> {
    const { engine, services } = this.#parts;
    const { deployment, app, host, number } = entry;
    try {
      return await engine.send(services.deploy, { deployment, app, host, number });
    } catch (error) {
      const isKnown = error instanceof HoldfastError && error.code === "workflow-already-started";
      if (!isKnown) throw error;
      return engine.handle(String(error.details["invocationId"]));
    }
  }

  /** Stores the source and resolves the promise that the workflow waits for; or rejects it with the reason why not. */
  async #upload({ deployment, directory }: DeploymentEntry): Promise<void> {
    const { engine, services, store, recorder } = this.#parts;
    const uploaded = engine.promise(services.deploy, deployment, "uploaded");
    if (uploaded.peek() !== undefined) return;
    let tree: Tree;
    try {
      tree = await recorder.record(
        { deployment, name: "upload", key: `upload:${deployment}` },
        () => store.put(directory, deployment, this.#leaveOut(directory)),
        ({ files, bytes }) => `${files} files, ${Math.ceil(bytes / BYTES_PER_KB)} kB`,
      );
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      await uploaded.reject(`The source in ${directory} could not be stored: ${reason}`);
      return;
    }
    await uploaded.resolve(tree);
  }

  /** Our own data too, when it lies inside of the application. */
  #leaveOut(directory: string): LeaveOut {
    const own = relative(directory, this.#parts.dataDirectory).replaceAll("\\", "/");
    return (path) => path === own || NOT_SOURCE.has(posix.basename(path));
  }
}
