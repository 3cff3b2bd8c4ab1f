/** What a region is to run: one process of one deployment. It never changes; another version is another deployment. */
export interface InstanceSpec {
  readonly deployment: string;
  /** The host name it will answer for. */
  readonly host: string;
  /** Digest of the artifact. */
  readonly artifact: string;
  readonly start: string;
}

/** All a region is to run. A higher generation replaces a lower one. */
export interface DesiredInstances {
  readonly generation: number;
  readonly instances: readonly InstanceSpec[];
}

export type InstanceStatus = "starting" | "healthy" | "restarting" | "stopping";

/** What a region does run. */
export interface Instance {
  readonly deployment: string;
  readonly status: InstanceStatus;
  /** Where it answers, once it has. */
  readonly address: Address | undefined;
  /** Starts after the first. */
  readonly restarts: number;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

/**
 * A place where instances run. It is told what is wanted, not what to do: `apply` may be repeated, may come late and may
 * come after a restart in which the region forgot everything, and always leads to the same instances.
 */
export interface Region {
  readonly name: string;
  /** Starts what is missing and stops what is not wanted, in the background. A lower generation than before is ignored. */
  apply(desired: DesiredInstances): void;
  /**
   * Resolves when the instance answers its health check.
   *
   * @throws TerminalError "region_unhealthy", with the last lines of the instance's log in `data`, when it does not within
   *   the region's time limit, when it keeps exiting, or when it is no longer wanted.
   */
  whenHealthy(deployment: string, signal: AbortSignal): Promise<Address>;
  /** Resolves when nothing of the deployment runs here any more. */
  whenStopped(deployment: string): Promise<void>;
  list(): readonly Instance[];
}
