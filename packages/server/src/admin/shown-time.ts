import { TIME_MAX } from "../clock.ts";

/** An instant as it is shown. Far future ones are cut to what a date can hold. */
export function iso(at: number): string {
  return new Date(Math.min(at, TIME_MAX)).toISOString();
}
