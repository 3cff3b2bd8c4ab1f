/**
 * Which invocation brings the process down, told from who was running when it went down.
 *
 * One that crashes the engine does so again each time it is started, so an engine that simply goes on after each crash never
 * gets anywhere, and takes everybody's work with it. Whoever ran in `crashesMax` crashes in a row without finishing a step
 * is a suspect. A single suspect is paused. Of several, most are innocent, so nobody is paused yet: some of them go on and
 * the others follow later. What the next crash then says:
 *
 * - it comes before the others follow: only those that went on were running, and only they are suspects now;
 * - it comes afterwards: those that went on had survived alone, so those that followed go first the next time.
 *
 * Why it ends: the wait doubles with each crash until it is longer than the culprit takes to do its work. The culprit is in
 * every crash, so its count grows with each, while whoever had to wait during one falls behind by it; and of those
 * with the most crashes, half go first.
 */
import { ENGINE_CRASHED, ENGINE_RESTARTED, type Invocation, type RecordBody } from "@holdfast/engine";
import { HoldfastError } from "@holdfast/protocol";

/** One code, so that the fold counts them in a row; two messages, so that the next start sees who came first. */
const WENT_ON = "The engine crashed while this attempt ran";
const FOLLOWS =
  "The engine crashed while this attempt ran. It follows later, in case one of those that go on crashes it again";
/** The longest wait of those that follow, ms. */
const HOLD_MS_MAX = 60 * 60_000;

export type CrashRules = {
  /** Crashes in a row without progress that make a suspect. */
  readonly crashesMax: number;
  /** First wait of those that follow, ms. Doubles with each crash. */
  readonly holdMs: number;
};

/** Somebody who was running when the process crashed. */
export type Running = {
  readonly id: string;
  /** In how many crashes in a row it was running and finished no step, the newest included. */
  readonly crashes: number;
  /** After the crash before, it had to wait for others. */
  readonly hadFollowed: boolean;
};

export type Restart =
  | { readonly kind: "go on" }
  | { readonly kind: "wait"; readonly delayMs: number }
  | { readonly kind: "pause"; readonly crashes: number };

const GO_ON: Restart = { kind: "go on" };

export function runningOf({ id, lastFailure }: Pick<Invocation, "id" | "lastFailure">): Running {
  if (lastFailure?.code !== ENGINE_CRASHED) return { id, crashes: 1, hadFollowed: false };
  return { id, crashes: lastFailure.count + 1, hadFollowed: lastFailure.message === FOLLOWS };
}

/** What becomes of each invocation that was running in the crash. */
export function planRestarts(
  running: readonly Running[],
  { crashesMax, holdMs }: CrashRules,
): ReadonlyMap<string, Restart> {
  const plan = new Map(running.map(({ id }) => [id, GO_ON]));
  const suspects = running.filter(({ crashes }) => crashes >= crashesMax);
  const [only] = suspects;
  if (only === undefined) return plan;
  if (suspects.length === 1) return plan.set(only.id, { kind: "pause", crashes: only.crashes });
  const round = (mostCrashes(suspects)[0]?.crashes ?? crashesMax) - crashesMax;
  const delayMs = Math.min(HOLD_MS_MAX, holdMs * 2 ** Math.min(round, 30));
  const first = new Set(goFirst(suspects).map(({ id }) => id));
  for (const { id } of suspects) if (!first.has(id)) plan.set(id, { kind: "wait", delayMs });
  return plan;
}

/** Those most likely to hold the culprit: never all of several. */
function goFirst(suspects: readonly Running[]): readonly Running[] {
  const followed = suspects.filter(({ hadFollowed }) => hadFollowed);
  if (followed.length > 0 && followed.length < suspects.length) return followed;
  const most = mostCrashes(suspects);
  return most.length < suspects.length ? most : suspects.slice(0, Math.ceil(suspects.length / 2));
}

function mostCrashes(of: readonly Running[]): readonly Running[] {
  let most = 0;
  for (const { crashes } of of) most = Math.max(most, crashes);
  return of.filter(({ crashes }) => crashes === most);
}

type AttemptLost = Extract<RecordBody, { readonly kind: "attempt-lost" }>;

/** Why the attempt of the last process is over, and what follows. `undefined`: the last process ended as it should. */
export function lossOf(
  restart: Restart | undefined,
): Pick<AttemptLost, "code" | "message" | "pause" | "retryDelayMs"> {
  if (restart === undefined)
    return { code: ENGINE_RESTARTED, message: "The engine was restarted", pause: false, retryDelayMs: 0 };
  if (restart.kind === "pause") {
    const { crashes } = restart;
    const message = new HoldfastError("crash-loop", { crashes }).message;
    return { code: "crash-loop", message, pause: true, retryDelayMs: 0 };
  }
  return {
    code: ENGINE_CRASHED,
    message: restart.kind === "wait" ? FOLLOWS : WENT_ON,
    pause: false,
    retryDelayMs: restart.kind === "wait" ? restart.delayMs : 0,
  };
}
