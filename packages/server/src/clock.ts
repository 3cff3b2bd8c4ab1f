/** The last instant that a date can hold, milliseconds since the Unix epoch. Nothing is scheduled for later. */
export const TIME_MAX = 8.64e15;

/** Time, as everything in the server sees it. Injected, so that tests and simulations decide what it is. */
export interface Clock {
  /** Milliseconds since the Unix epoch. May jump in either direction. */
  now(): number;
  /** Milliseconds since some moment, never going back. May stand still while the machine sleeps. */
  elapsed(): number;
  /** Calls `wake` once after at least `ms` milliseconds. Returns how to call it off. Does not keep the process alive. */
  after(ms: number, wake: () => void): () => void;
  /** Calls `run` after the events that are already waiting have been handled: "at the end of this turn". */
  soon(run: () => void): void;
}

/** What a clock is made of. */
export type TimeSource = {
  /** The wall clock. */
  now(): number;
  /** Milliseconds since some moment, never going back. May stand still while the machine sleeps. */
  elapsed(): number;
  /** At most `LOOK_AGAIN_MS`. Does not keep the process alive. */
  setTimer(ms: number, wake: () => void): () => void;
};

/**
 * Longest wait without a look at the clocks. Timers count how long the machine was awake: on a laptop that was closed for a
 * night, or a machine that was moved or whose clock was set, what is due has to be noticed all the same.
 */
const LOOK_AGAIN_MS = 60_000;

/** Waits until either clock says that the time is over: nobody freezes when one of them jumps. */
export function clockFrom(time: TimeSource): Pick<Clock, "now" | "elapsed" | "after"> {
  return {
    now: () => time.now(),
    elapsed: () => time.elapsed(),
    after(ms, wake) {
      const due = time.now() + ms;
      const begun = time.elapsed();
      let stop = (): void => {};
      const look = (): void => {
        const left = Math.min(due - time.now(), ms - (time.elapsed() - begun));
        if (left <= 0) wake();
        else stop = time.setTimer(Math.min(Math.ceil(left), LOOK_AGAIN_MS), look);
      };
      stop = time.setTimer(Math.min(Math.max(0, ms), LOOK_AGAIN_MS), look);
      return () => stop();
    },
  };
}

export const systemClock: Clock = {
  ...clockFrom({
    now: () => Date.now(),
    elapsed: () => performance.now(),
    setTimer(ms, wake) {
      const timeout = setTimeout(wake, ms);
      timeout.unref();
      return () => clearTimeout(timeout);
    },
  }),
  soon: (run) => {
    setImmediate(run);
  },
};
