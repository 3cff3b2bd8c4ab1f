/** Medians, and ratios of what was measured in the same round: a machine that is slow for a minute is slow for both. */

export interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

export function spreadOf(values: readonly number[]): Spread | undefined {
  if (values.length === 0) return undefined;
  return { min: Math.min(...values), median: median(values), max: Math.max(...values) };
}

/**
 * How many times better ours is, by rounds; rounds that lack one of the two do not count. Above one is better, also where
 * less is better.
 */
export function pairedRatio(
  ours: ReadonlyMap<number, number>,
  theirs: ReadonlyMap<number, number>,
  better: "higher" | "lower",
): Spread | undefined {
  const ratios: number[] = [];
  for (const [round, our] of ours) {
    const their = theirs.get(round);
    if (their === undefined || our === 0 || their === 0) continue;
    ratios.push(better === "higher" ? our / their : their / our);
  }
  return spreadOf(ratios);
}
