/** Groups of horizontal bars, one bar for each contender. */
import { shortNumber } from "./number-text.ts";
import { box, FAINT, FONT_SIZE, line, LogScale, MUTED, picture, text } from "./svg.ts";

export interface Bar {
  readonly label: string;
  readonly colour: string;
  readonly value: number;
}

export interface BarGroup {
  readonly label: string;
  readonly bars: readonly Bar[];
}

const LABEL_WIDTH = 270;
const PLOT_WIDTH = 520;
const VALUE_WIDTH = 90;
const BAR_HEIGHT = 13;
const BAR_GAP = 2;
const GROUP_GAP = 12;
const HEAD_HEIGHT = 64;
const AXIS_HEIGHT = 24;
const KEY_WIDTH = 130;

export function barChart(title: string, groups: readonly BarGroup[]): string {
  const values = groups.flatMap(({ bars }) => bars.map(({ value }) => value)).filter((value) => value > 0);
  const scale = new LogScale(Math.min(...values, 1e9), Math.max(...values, 1), PLOT_WIDTH);
  const plotHeight = groups.reduce((sum, group) => sum + heightOf(group), 0);
  const parts: string[] = [text(0, 16, title, { bold: true, size: 15 }), ...key(groups)];
  for (const tick of scale.ticks()) {
    const x = LABEL_WIDTH + scale.at(tick);
    parts.push(line(x, HEAD_HEIGHT - 6, x, HEAD_HEIGHT + plotHeight, FAINT));
    const label = tick >= 1 ? tick.toLocaleString("en-US") : String(tick);
    parts.push(text(x, HEAD_HEIGHT + plotHeight + AXIS_HEIGHT - 8, label, { anchor: "middle", fill: MUTED }));
  }
  let y = HEAD_HEIGHT;
  for (const group of groups) {
    parts.push(...drawGroup(group, y, scale));
    y += heightOf(group);
  }
  return picture(
    LABEL_WIDTH + PLOT_WIDTH + VALUE_WIDTH,
    HEAD_HEIGHT + plotHeight + AXIS_HEIGHT,
    title,
    parts,
  );
}

function drawGroup(group: BarGroup, top: number, scale: LogScale): string[] {
  const middle = top + (heightOf(group) - GROUP_GAP) / 2 + FONT_SIZE / 3;
  const parts = [text(LABEL_WIDTH - 10, middle, group.label, { anchor: "end" })];
  for (const [index, { value, colour }] of group.bars.entries()) {
    const y = top + index * (BAR_HEIGHT + BAR_GAP);
    const width = Math.max(2, value > 0 ? scale.at(value) : 0);
    parts.push(box(LABEL_WIDTH, y, width, BAR_HEIGHT, colour));
    parts.push(text(LABEL_WIDTH + width + 5, y + BAR_HEIGHT - 3, shortNumber(value), { size: 11 }));
  }
  return parts;
}

/** Which colour is whose. */
export function key(groups: readonly BarGroup[]): string[] {
  const colours = new Map(groups.flatMap(({ bars }) => bars.map(({ label, colour }) => [label, colour])));
  return [...colours].flatMap(([label, colour], index) => [
    box(index * KEY_WIDTH, 30, FONT_SIZE, FONT_SIZE, colour),
    text(index * KEY_WIDTH + FONT_SIZE + 6, 40, label),
  ]);
}

function heightOf({ bars }: BarGroup): number {
  return bars.length * (BAR_HEIGHT + BAR_GAP) + GROUP_GAP;
}
