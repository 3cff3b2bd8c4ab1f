/** The results as text for a terminal. */
import type { ContenderName } from "../contenders/contender.ts";
import { megabytes, ratioText, shortNumber } from "./number-text.ts";
import { figuresOf, type Outcome, type Results, type ScenarioRecord } from "./results.ts";

const COLUMNS: readonly string[] = [
  "contender",
  "median",
  "min–max",
  "p50 ms",
  "p99 ms",
  "CPU µs/op srv+hdl",
  "memory srv",
  "bytes/op",
  "load gen",
  "Holdfast is",
];

export function headerText(results: Omit<Results, "scenarios">): string {
  const { machine, floor, generator, contenders } = results;
  const lines = [
    `${machine.cpu}, ${machine.cores} cores, ${megabytes(machine.memoryBytes)}, ${machine.kernel}, ${machine.fileSystem}, Node ${machine.node}, load ${shortNumber(machine.loadBefore)}`,
    `fdatasync of 4 KiB: p50 ${shortNumber(floor.p50)} ms, p99 ${shortNumber(floor.p99)} ms`,
    `load generator against an empty server: ${shortNumber(generator.perSecond)}/s at ${generator.connections} connections, ${shortNumber(generator.cpuMicrosPerOp)} µs of CPU each, ${Math.round(generator.cpuShare * 100)} % of one core`,
    ...Object.entries(contenders).map(([name, { version, present, reason }]) =>
      present ? `${name} ${version}` : `${name} absent: ${reason ?? ""}`,
    ),
  ];
  return lines.join("\n");
}

export function scenarioText(scenario: ScenarioRecord): string {
  const { name, title, connections, unit, goals } = scenario;
  const rows = [["holdfast", scenario.holdfast] as const, ...peersOf(scenario)].flatMap(([who, outcome]) =>
    outcome === undefined ? [] : [rowOf(who, outcome, scenario)],
  );
  const head = `${name}, ${connections === 1 ? "1 connection" : `${connections} connections`}: ${title} [${unit}]`;
  const marks = goals.map(
    ({ text, met, value }) => `  ${met ? "met   " : "MISSED"} ${text}: ${shortNumber(value)}`,
  );
  return [head, ...align([COLUMNS, ...rows]), ...extraLines(scenario), ...marks].join("\n");
}

export function peersOf(scenario: ScenarioRecord): ReadonlyArray<readonly [ContenderName, Outcome]> {
  return Object.entries(scenario.peers) as Array<[ContenderName, Outcome]>;
}

function rowOf(name: string, outcome: Outcome, scenario: ScenarioRecord): readonly string[] {
  const figures = figuresOf(outcome);
  if (figures === undefined) return [name, noFigures(outcome)];
  const { cpuMicrosPerOp: cpu, latency, residentBytes, bytesPerOp, generatorCpuMicrosPerOp } = figures;
  const ratio = scenario.ratio[name as ContenderName];
  return [
    name,
    shortNumber(figures.median),
    `${shortNumber(figures.min)}–${shortNumber(figures.max)}`,
    latency === undefined ? "" : shortNumber(latency.p50),
    latency === undefined ? "" : shortNumber(latency.p99),
    cpu === undefined ? "" : `${shortNumber(cpu.server)} + ${shortNumber(cpu.handlers)}`,
    residentBytes === undefined ? "" : megabytes(residentBytes.server),
    bytesPerOp === undefined ? "" : shortNumber(bytesPerOp),
    generatorCpuMicrosPerOp === undefined ? "" : `${shortNumber(generatorCpuMicrosPerOp)} µs`,
    ratio === undefined ? "" : `${ratioText(ratio.median)} (${ratioText(ratio.min)}–${ratioText(ratio.max)})`,
  ];
}

export function noFigures(outcome: Outcome): string {
  if ("absent" in outcome) return `n/a: ${outcome.absent}`;
  return "failed" in outcome ? `FAILED: ${outcome.failed.split("\n")[0]}` : "";
}

function extraLines(scenario: ScenarioRecord): string[] {
  return [["holdfast", scenario.holdfast] as const, ...peersOf(scenario)].flatMap(([name, outcome]) => {
    const extra = figuresOf(outcome)?.extra;
    if (extra === undefined) return [];
    const shown = Object.entries(extra).map(([what, value]) => `${what} ${shortNumber(value)}`);
    return [`  ${name}: ${shown.join(", ")}`];
  });
}

/** Cells of a row that holds only a remark are not aligned. */
function align(rows: ReadonlyArray<readonly string[]>): string[] {
  const whole = rows.filter((row) => row.length === COLUMNS.length);
  const widths = COLUMNS.map((_, column) => Math.max(...whole.map((row) => (row[column] ?? "").length)));
  return rows.map((row) =>
    `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ")}`.trimEnd(),
  );
}
