/** Durations as people write them. Everywhere else a duration is a whole number of milliseconds. */

export type Duration = `${number}${"ms" | "s" | "m" | "h" | "d" | "w"}`;

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const WEEK = 7 * DAY;

const TEXT_LENGTH_MAX = 100;

const unitMs = new Map<string, number>([
  ["w", WEEK],
  ["wk", WEEK],
  ["wks", WEEK],
  ["week", WEEK],
  ["weeks", WEEK],
  ["d", DAY],
  ["day", DAY],
  ["days", DAY],
  ["h", HOUR],
  ["hr", HOUR],
  ["hrs", HOUR],
  ["hour", HOUR],
  ["hours", HOUR],
  ["m", MINUTE],
  ["min", MINUTE],
  ["mins", MINUTE],
  ["minute", MINUTE],
  ["minutes", MINUTE],
  ["s", SECOND],
  ["sec", SECOND],
  ["secs", SECOND],
  ["second", SECOND],
  ["seconds", SECOND],
  ["ms", 1],
  ["msec", 1],
  ["msecs", 1],
  ["milli", 1],
  ["millis", 1],
  ["millisecond", 1],
  ["milliseconds", 1],
]);

/**
 * Milliseconds of "90s", "1h30m", "1h 30m", "60 sec", "1.5d" or ISO-8601 ("PT1H", "P1DT12H", "P2W"). Undefined for
 * everything else: a bare number, a negative duration, units without a fixed length (months, years), more than 2^53 ms.
 */
export function parseDuration(text: string): number | undefined {
  const trimmed = text.trim();
  if (trimmed === "" || trimmed.length > TEXT_LENGTH_MAX) return undefined;
  const isIso = trimmed.startsWith("P") || trimmed.startsWith("p");
  const total = isIso ? parseIso(trimmed) : parseFriendly(trimmed);
  if (total === undefined) return undefined;
  const rounded = Math.round(total);
  return Number.isSafeInteger(rounded) ? rounded : undefined;
}

/** "1h 30m", exact to the millisecond; with `parts`, only the so many largest units. `parseDuration` reads it back. */
export function formatDuration(ms: number, parts: number = Number.POSITIVE_INFINITY): string {
  let rest = Math.max(0, Math.round(ms));
  const texts: string[] = [];
  for (const [unit, size] of SHOWN_UNITS) {
    const count = Math.floor(rest / size);
    if (count === 0) {
      if (texts.length > 0) parts--;
      continue;
    }
    if (texts.length >= parts) break;
    texts.push(`${count}${unit}`);
    rest -= count * size;
  }
  return texts.length === 0 ? "0ms" : texts.join(" ");
}

const SHOWN_UNITS = [
  ["d", DAY],
  ["h", HOUR],
  ["m", MINUTE],
  ["s", SECOND],
  ["ms", 1],
] as const;

const friendlyPart = /\s*(\d+(?:\.\d+)?)\s*([a-z]+)/y;

function parseFriendly(text: string): number | undefined {
  const lower = text.toLowerCase();
  let total = 0;
  friendlyPart.lastIndex = 0;
  while (friendlyPart.lastIndex < lower.length) {
    const match = friendlyPart.exec(lower);
    const unit = unitMs.get(match?.[2] ?? "");
    if (match === null || unit === undefined) return undefined;
    total += Number(match[1]) * unit;
  }
  return total;
}

const isoParts = /^P(?:([\d.]+)W)?(?:([\d.]+)D)?(?:T(?:([\d.]+)H)?(?:([\d.]+)M)?(?:([\d.]+)S)?)?$/i;
const ISO_UNITS = [WEEK, DAY, HOUR, MINUTE, SECOND];

function parseIso(text: string): number | undefined {
  const match = isoParts.exec(text);
  if (match === null || /[pt]$/i.test(text)) return undefined;
  let total = 0;
  for (const [index, unit] of ISO_UNITS.entries()) {
    const digits = match[index + 1];
    if (digits === undefined) continue;
    if (!/^\d+(\.\d+)?$/.test(digits)) return undefined;
    total += Number(digits) * unit;
  }
  return total;
}
