/** Ctrl-C and friends: the first asks to stop, the second does not ask. */
const SIGNALS = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 } as const;
const SIGNALLED = 128;

export type StopSignal = AbortSignal & Disposable;

/** Aborted by the first signal. Give it up when stopping is over; until then a second signal ends the process at once. */
export function stopSignal(onFirst: () => void): StopSignal {
  const controller = new AbortController();
  const listener = (name: NodeJS.Signals): void => {
    if (controller.signal.aborted) process.exit(SIGNALLED + SIGNALS[name as keyof typeof SIGNALS]);
    onFirst();
    controller.abort();
  };
  for (const name of Object.keys(SIGNALS)) process.on(name, listener);
  return Object.assign(controller.signal, {
    [Symbol.dispose]: () => {
      for (const name of Object.keys(SIGNALS)) process.off(name, listener);
    },
  });
}

export function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
