/** The tables of docs/performance.md, made from results. What stands around the markers is written by people. */
import { megabytes, ratioText, shortNumber } from "./number-text.ts";
import { figuresByName, scenarioLabel, type Plot } from "./plots.ts";
import { figuresOf, type Figures, type Results, type ScenarioRecord } from "./results.ts";
import { noFigures, peersOf } from "./table.ts";

const BEGIN = "<!-- figures: begin -->";
const END = "<!-- figures: end -->";

/** The document with everything between its markers replaced. */
export function withFigures(document: string, figures: string): string {
  const begin = document.indexOf(BEGIN);
  const end = document.indexOf(END);
  if (begin === -1 || end < begin) throw new Error(`the document lacks ${BEGIN} or ${END} behind it`);
  return `${document.slice(0, begin + BEGIN.length)}\n\n${figures.trim()}\n\n${document.slice(end)}`;
}

/** `folder` is where the plots are, as seen from the document. */
export function figuresMarkdown(results: Results, plots: readonly Plot[], folder: string): string {
  return [
    machineSection(results),
    contendersSection(results),
    "### Goals",
    goalsTable(results.scenarios),
    "### Throughput",
    ...plots.map(({ title, fileName }) => `![${title}](${folder}/${fileName})`),
    throughputTable(results.scenarios.filter(({ unit }) => unit.endsWith("/s"))),
    "### What an operation costs",
    costTable(results.scenarios.filter(({ unit, name }) => unit.endsWith("/s") && name !== "embedded")),
    "### Everything else",
    otherTable(results.scenarios.filter(({ unit }) => !unit.endsWith("/s"))),
    lacksSection(results.scenarios),
  ].join("\n\n");
}

function machineSection({ machine, date, floor, generator, quick, rounds }: Results): string {
  return [
    `Measured on ${date.slice(0, 10)}${quick ? ", a quick run" : ""}, ${rounds} rounds.`,
    "",
    "| | |",
    "|---|---|",
    `| processor | ${machine.cpu}, ${machine.cores} cores |`,
    `| memory | ${megabytes(machine.memoryBytes)} |`,
    `| system | ${machine.kernel}, ${machine.fileSystem}, Node ${machine.node} |`,
    `| load before | ${shortNumber(machine.loadBefore)} |`,
    `| write of 4 KiB with fdatasync | p50 ${shortNumber(floor.p50)} ms, p99 ${shortNumber(floor.p99)} ms, ${floor.samples} samples between the rounds |`,
    `| load generator alone | ${shortNumber(generator.perSecond)} requests/s at ${generator.connections} connections, ${shortNumber(generator.cpuMicrosPerOp)} µs of CPU each |`,
  ].join("\n");
}

function contendersSection({ contenders }: Results): string {
  const rows = Object.entries(contenders).map(([name, { version, present, reason, settings }]) => {
    const set = Object.entries(settings).map(([setting, why]) => `\`${setting}\` (${why})`);
    const what = present ? version : `absent: ${reason ?? ""}`;
    return `| ${name} | ${what} | ${set.length === 0 ? "as it comes" : set.join("; ")} |`;
  });
  return ["| contender | version | settings |", "|---|---|---|", ...rows].join("\n");
}

function goalsTable(scenarios: readonly ScenarioRecord[]): string {
  const rows = scenarios.flatMap((scenario) =>
    scenario.goals.map(
      ({ text, met, value }) =>
        `| ${scenarioLabel(scenario)} | ${text} | ${shortNumber(value)} | ${met ? "met" : "**missed**"} |`,
    ),
  );
  return ["| scenario | goal | measured | |", "|---|---|---:|---|", ...rows].join("\n");
}

function throughputTable(scenarios: readonly ScenarioRecord[]): string {
  const rows = scenarios.flatMap((scenario) =>
    measured(scenario).map(([name, figures]) => {
      const ratio = Object.entries(scenario.ratio).find(([peer]) => peer === name)?.[1];
      const times =
        ratio === undefined
          ? ""
          : `${ratioText(ratio.median)} (${ratioText(ratio.min)}–${ratioText(ratio.max)})`;
      const { latency } = figures;
      const [p50, p99] =
        latency === undefined ? ["", ""] : [shortNumber(latency.p50), shortNumber(latency.p99)];
      return `| ${scenarioLabel(scenario)} | ${name} | ${shortNumber(figures.median)} | ${shortNumber(figures.min)}–${shortNumber(figures.max)} | ${p50} | ${p99} | ${times} |`;
    }),
  );
  return [
    "| scenario @ connections | contender | median per s | min–max | p50 ms | p99 ms | Holdfast is, times |",
    "|---|---|---:|---:|---:|---:|---:|",
    ...rows,
  ].join("\n");
}

function costTable(scenarios: readonly ScenarioRecord[]): string {
  const rows = scenarios.flatMap((scenario) =>
    measured(scenario).map(([name, { cpuMicrosPerOp: cpu, residentBytes, ...figures }]) => {
      const cells = [
        cpu === undefined ? "" : shortNumber(cpu.server),
        cpu === undefined ? "" : shortNumber(cpu.handlers),
        residentBytes === undefined ? "" : megabytes(residentBytes.server),
        figures.bytesPerOp === undefined ? "" : shortNumber(figures.bytesPerOp),
        figures.bytesPerStep === undefined ? "" : shortNumber(figures.bytesPerStep),
        figures.generatorCpuMicrosPerOp === undefined ? "" : shortNumber(figures.generatorCpuMicrosPerOp),
      ];
      return `| ${scenarioLabel(scenario)} | ${name} | ${cells.join(" | ")} |`;
    }),
  );
  return [
    "| scenario @ connections | contender | CPU server µs | CPU handlers µs | memory server | bytes written | per step | load generator µs |",
    "|---|---|---:|---:|---:|---:|---:|---:|",
    ...rows,
  ].join("\n");
}

function otherTable(scenarios: readonly ScenarioRecord[]): string {
  const rows = scenarios.flatMap((scenario) =>
    measured(scenario).map(([name, { median, extra }]) => {
      const more = Object.entries(extra ?? {}).map(([what, value]) => `${what} ${shortNumber(value)}`);
      return `| ${scenarioLabel(scenario)} | ${name} | ${shortNumber(median)} ${scenario.unit} | ${more.join(", ")} |`;
    }),
  );
  return ["| scenario | contender | median | more |", "|---|---|---:|---|", ...rows].join("\n");
}

function lacksSection(scenarios: readonly ScenarioRecord[]): string {
  const lines = scenarios.flatMap((scenario) =>
    peersOf(scenario).flatMap(([name, outcome]) =>
      figuresOf(outcome) === undefined
        ? [`- ${scenarioLabel(scenario)}, ${name}: ${noFigures(outcome)}`]
        : [],
    ),
  );
  return lines.length === 0 ? "" : ["Without figures:", "", ...new Set(lines)].join("\n");
}

function measured(scenario: ScenarioRecord): ReadonlyArray<readonly [string, Figures]> {
  return figuresByName(scenario).flatMap(([name, figures]) =>
    figures === undefined ? [] : [[name, figures]],
  );
}
