/** Timers: rows that come back as a `timers-fired` record when they are due. */
import type { TimerRow } from "../tables/rows.ts";
import { timerKey } from "../tables/tables.ts";
import type { Fold } from "./fold.ts";

/** Latest time a timer may have: the last that its key can sort, far beyond any date a person means. */
export const TIMER_DUE_MAX = Number.MAX_SAFE_INTEGER;

/** The time so many milliseconds from the record being applied, as a time that a row can hold. */
export function timeAfter(fold: Fold, ms: number): number {
  return Math.min(Math.ceil(fold.at + ms), TIMER_DUE_MAX);
}

/** Returns the timer's key. */
export function setTimer(fold: Fold, due: number, row: TimerRow): string {
  const meta = fold.tables.editMeta();
  const seq = meta.nextTimerSeq;
  meta.nextTimerSeq += 1;
  const at = Math.min(Math.max(0, due), TIMER_DUE_MAX);
  const key = timerKey(at, seq);
  fold.tables.timers.insert(key, row, true);
  fold.effects.push({ kind: "set-timer", key, due: at });
  return key;
}

export function clearTimer(fold: Fold, key: string): void {
  fold.tables.timers.delete(key);
  fold.effects.push({ kind: "clear-timer", key });
}
