/** Time, lent to everything that waits or measures. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Waits. Rejects with the signal's reason when that aborts first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}
