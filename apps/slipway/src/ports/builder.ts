import type { Tree } from "./tree-store.ts";

export interface BuildRequest {
  readonly deployment: string;
  /** Digest of the source tree. */
  readonly source: string;
  /** Constant over all executions of this build. */
  readonly key: string;
}

export interface Built {
  readonly artifact: Tree;
  /** The command line that starts it, to be run in the unpacked artifact with PORT set. */
  readonly start: string;
}

/** Makes what runs out of what was uploaded. */
export interface Builder {
  /**
   * May be repeated: an interrupted build leaves nothing that a later one could trip over.
   *
   * @throws TerminalError "build_command_failed" when the application's own build fails, "application_invalid" when there
   *   is nothing to build or to start. Everything else is worth another try.
   */
  build(request: BuildRequest, signal: AbortSignal): Promise<Built>;
}
