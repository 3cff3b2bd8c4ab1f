/** Latency by percentile, one line for each contender. The axis gives every further nine the same room. */
import type { Histogram } from "../load/histogram.ts";
import { key } from "./bar-chart.ts";
import { FAINT, line, LogScale, MUTED, picture, polyline, text } from "./svg.ts";

export interface LatencyLine {
  readonly label: string;
  readonly colour: string;
  readonly histogram: Histogram;
}

const WIDTH = 720;
const HEIGHT = 300;
const LEFT = 70;
const TOP = 64;
const AXIS_HEIGHT = 28;
const NS_PER_MS = 1e6;
const NINES_MAX = 4;
const POINTS = 160;
const MARKS: ReadonlyArray<readonly [share: number, label: string]> = [
  [0, "min"],
  [0.5, "p50"],
  [0.9, "p90"],
  [0.99, "p99"],
  [0.999, "p99.9"],
  [0.9999, "p99.99"],
];

export function percentileChart(title: string, lines: readonly LatencyLine[]): string {
  const values = lines.flatMap(({ histogram }) => [histogram.percentile(0), histogram.max]);
  const scale = new LogScale(Math.min(...values) / NS_PER_MS, Math.max(...values) / NS_PER_MS, HEIGHT);
  const bottom = TOP + HEIGHT;
  const parts = [
    text(0, 16, title, { bold: true, size: 15 }),
    ...key(lines.map(({ label, colour }) => ({ label, bars: [{ label, colour, value: 0 }] }))),
  ];
  for (const tick of scale.ticks()) {
    const y = bottom - scale.at(tick);
    parts.push(line(LEFT, y, LEFT + WIDTH, y, FAINT));
    parts.push(text(LEFT - 8, y + 4, `${tick} ms`, { anchor: "end", fill: MUTED }));
  }
  for (const [share, label] of MARKS) {
    const x = LEFT + xOf(share);
    parts.push(line(x, TOP, x, bottom, FAINT));
    parts.push(text(x, bottom + 18, label, { anchor: "middle", fill: MUTED }));
  }
  for (const { histogram, colour } of lines) {
    const points = sharesOf(histogram).map((share) => {
      const ms = Math.max(histogram.percentile(share), 1) / NS_PER_MS;
      return [LEFT + xOf(share), bottom - scale.at(ms)] as const;
    });
    parts.push(polyline(points, colour));
  }
  return picture(LEFT + WIDTH + 20, bottom + AXIS_HEIGHT, title, parts);
}

/** Zero for the minimum, one step for each nine. */
function xOf(share: number): number {
  return (Math.min(NINES_MAX, -Math.log10(1 - Math.min(share, 1 - 10 ** -NINES_MAX))) / NINES_MAX) * WIDTH;
}

/** As far as there are measurements for: a thousand of them say nothing about the worst of ten thousand. */
function sharesOf({ total }: Histogram): readonly number[] {
  const nines = Math.min(NINES_MAX, Math.log10(Math.max(total, 10)));
  return Array.from({ length: POINTS + 1 }, (_, index) => 1 - 10 ** (-(index / POINTS) * nines));
}
