/** The pictures of docs/performance.md, made from results. */
import { Histogram } from "../load/histogram.ts";
import { barChart, type Bar, type BarGroup } from "./bar-chart.ts";
import { percentileChart, type LatencyLine } from "./percentile-chart.ts";
import { figuresOf, type Figures, type Results, type ScenarioRecord } from "./results.ts";

export interface Plot {
  readonly fileName: string;
  readonly title: string;
  readonly svg: string;
}

const COLOURS: Readonly<Record<string, string>> = {
  holdfast: "#2563eb",
  "holdfast-restate-sdk": "#60a5fa",
  restate: "#d97706",
  "restate-tuned": "#fbbf24",
  dbos: "#0d9488",
};
const OTHER_COLOUR = "#9ca3af";

export function makePlots(results: Results): readonly Plot[] {
  return [
    ...bars(
      "throughput.svg",
      "Operations per second (more is better, logarithmic)",
      results.scenarios.filter(({ unit }) => unit.endsWith("/s")),
      ({ median }) => median,
    ),
    ...bars(
      "cpu.svg",
      "Processor time of server and handlers per operation, µs (less is better, logarithmic)",
      results.scenarios.filter(({ unit, name }) => unit.endsWith("/s") && name !== "embedded"),
      ({ cpuMicrosPerOp: cpu }) => (cpu === undefined ? undefined : cpu.server + cpu.handlers),
    ),
    ...results.scenarios.flatMap(latencyPlot),
  ];
}

/** Everybody's figures in one scenario, Holdfast's first. */
export function figuresByName({
  holdfast,
  peers,
}: ScenarioRecord): ReadonlyArray<readonly [string, Figures | undefined]> {
  return [["holdfast", holdfast] as const, ...Object.entries(peers)].map(([name, outcome]) => [
    name,
    figuresOf(outcome),
  ]);
}

export function scenarioLabel({ name, connections }: ScenarioRecord): string {
  return connections === 0 ? name : `${name} @ ${connections}`;
}

function bars(
  fileName: string,
  title: string,
  scenarios: readonly ScenarioRecord[],
  valueOf: (figures: Figures) => number | undefined,
): readonly Plot[] {
  const groups: BarGroup[] = scenarios.map((scenario) => ({
    label: scenarioLabel(scenario),
    bars: figuresByName(scenario).flatMap(([label, figures]): Bar[] => {
      const value = figures === undefined ? undefined : valueOf(figures);
      return value === undefined ? [] : [{ label, colour: colourOf(label), value }];
    }),
  }));
  const shown = groups.filter((group) => group.bars.length > 0);
  return shown.length === 0 ? [] : [{ fileName, title, svg: barChart(title, shown) }];
}

function latencyPlot(scenario: ScenarioRecord): readonly Plot[] {
  const lines = figuresByName(scenario).flatMap(([label, figures]): LatencyLine[] => {
    const latency = figures?.latency;
    if (latency?.counts === undefined) return [];
    const histogram = Histogram.of(latency.counts, latency.max * 1e6);
    return [{ label, colour: colourOf(label), histogram }];
  });
  if (lines.length === 0) return [];
  const title = `Latency by percentile: ${scenario.title.replace(/, p99$/, "")}`;
  return [{ fileName: `latency-${scenario.name}.svg`, title, svg: percentileChart(title, lines) }];
}

function colourOf(name: string): string {
  return COLOURS[name] ?? OTHER_COLOUR;
}
