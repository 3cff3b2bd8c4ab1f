import { formatDuration } from "@holdfast/protocol";

const SECOND = 1_000;

/** "3m ago", "in 2d". Undefined for no time at all. */
export function relativeTime(iso: string | undefined, now: number): string | undefined {
  if (iso === undefined) return undefined;
  const distance = Date.parse(iso) - now;
  if (Number.isNaN(distance)) return iso;
  if (Math.abs(distance) < SECOND) return "now";
  const text = shortDuration(Math.abs(distance));
  return distance > 0 ? `in ${text}` : `${text} ago`;
}

/** "2026-11-23T07:41:00.000Z (3m ago)" */
export function fullTime(iso: string | undefined, now: number): string | undefined {
  const relative = relativeTime(iso, now);
  return relative === undefined ? undefined : `${iso} (${relative})`;
}

/** Its largest unit alone. */
export function shortDuration(ms: number): string {
  return formatDuration(ms < SECOND ? ms : Math.round(ms / SECOND) * SECOND, 1);
}
