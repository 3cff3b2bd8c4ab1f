/** Time, as everything in the server sees it. Injected, so that tests and simulations decide what it is. */
export interface Clock {
  /** Milliseconds since the Unix epoch. May jump in either direction. */
  now(): number;
  /** Calls `wake` once after at least `ms` milliseconds. Returns how to call it off. Does not keep the process alive. */
  after(ms: number, wake: () => void): () => void;
  /** Calls `run` after the events that are already waiting have been handled: "at the end of this turn". */
  soon(run: () => void): void;
}

/** Longest wait that Node's timers can count; longer ones would fire at once. */
const TIMEOUT_MS_MAX = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, wake) {
    const timeout = setTimeout(wake, Math.min(Math.max(0, ms), TIMEOUT_MS_MAX));
    timeout.unref();
    return () => clearTimeout(timeout);
  },
  soon: (run) => {
    setImmediate(run);
  },
};
