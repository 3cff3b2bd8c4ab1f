/**
 * Where in the user's code a command is issued. Looking at a stack costs far more than the command itself, so each
 * combination of kind and name is looked up once per handler.
 */

/** Call sites of one handler, by what is issued there. */
export class CallSites {
  readonly #byKind = new Map<number, Map<string, string>>();

  /**
   * The place that called `entry`, e.g. "deploy.ts:14:9"; as it was when this kind and name were first seen.
   *
   * @param entry The SDK's function that the user called: it and all above it are left out.
   */
  of(kind: number, name: string, entry: Entry): string {
    let byName = this.#byKind.get(kind);
    if (byName === undefined) this.#byKind.set(kind, (byName = new Map<string, string>()));
    let place = byName.get(name);
    if (place === undefined) {
      // Names made from data ("step 4711") must not fill the memory.
      if (byName.size >= NAMES_MAX) byName.clear();
      byName.set(name, (place = callSite(entry) ?? ""));
    }
    return place;
  }
}

const NAMES_MAX = 1_000;

export type Entry = (...args: never[]) => unknown;

interface StackCapturer {
  stackTraceLimit?: number;
  captureStackTrace?: (holder: { stack?: string }, entry: Entry) => void;
}

/** The place that called `entry`, or `undefined` where the runtime cannot tell. */
export function callSite(entry: Entry): string | undefined {
  const capturer = Error as unknown as StackCapturer;
  if (capturer.captureStackTrace === undefined) return undefined;
  const limit = capturer.stackTraceLimit;
  const holder: { stack?: string } = {};
  capturer.stackTraceLimit = 1;
  capturer.captureStackTrace(holder, entry);
  const { stack } = holder;
  if (limit !== undefined) capturer.stackTraceLimit = limit;
  return stack === undefined ? undefined : placeIn(stack);
}

/** "at deploy (file:///srv/app/src/deploy.ts:14:9)" → "deploy.ts:14:9". */
function placeIn(stack: string): string | undefined {
  return /([^/\\()\s]+:\d+:\d+)\)?\s*$/.exec(stack)?.[1];
}
