/**
 * Keeps a cancelled handler from ending the process.
 *
 * A cancel rejects everything a handler has under way. Where the handler has combined some of it (`Promise.all`) and is at
 * that moment awaiting something else, the combination is rejected with nobody looking, and Node ends a process for that.
 * It would end it again on the next attempt: one invocation could take down all others. So rejections with errors that a
 * session made are let pass; everything else is reported as if this listener were not there.
 */

const ours = new WeakSet<object>();
let isInstalled = false;

/** The handler may or may not look at a rejection with this error. */
export function excuseError(error: unknown): void {
  if (typeof error === "object" && error !== null) ours.add(error);
}

/** Installs the guard, once, where the runtime has such an event. */
export function guardRejections(): void {
  const { process } = globalThis as RuntimeGlobals;
  if (isInstalled || process?.on === undefined || process.listenerCount === undefined) return;
  isInstalled = true;
  process.on("unhandledRejection", (reason) => {
    const isOurs = typeof reason === "object" && reason !== null && ours.has(reason);
    if (isOurs || process.listenerCount?.("unhandledRejection") !== 1) return;
    throw reason instanceof Error ? reason : new Error("unhandled rejection", { cause: reason });
  });
}

interface RuntimeGlobals {
  readonly process?: {
    readonly on?: (event: "unhandledRejection", listener: (reason: unknown) => void) => void;
    readonly listenerCount?: (event: string) => number;
  };
}
