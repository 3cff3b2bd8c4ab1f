import { formatDuration } from "@holdfast/protocol";

const SECOND = 1_000;

/** "3m ago", "in 2d 23h". Undefined for no time at all. What is to come is waited for, and told more exactly. */
export function relativeTime(iso: string | undefined, now: number): string | undefined {
  if (iso === undefined) return undefined;
  const distance = Date.parse(iso) - now;
  if (Number.isNaN(distance)) return iso;
  const seconds = Math.round(Math.abs(distance) / SECOND);
  if (seconds === 0) return "now";
  if (distance > 0) return `in ${formatDuration(seconds * SECOND, 2)}`;
  return `${formatDuration(seconds * SECOND, 1)} ago`;
}

/** "2026-11-23T07:41:00.000Z (3m ago)" */
export function fullTime(iso: string | undefined, now: number): string | undefined {
  const relative = relativeTime(iso, now);
  return relative === undefined ? undefined : `${iso} (${relative})`;
}
