/** `npm run fuzz`. Exit code 1 when something was found. */
import { readFileSync } from "node:fs";
import { relative } from "node:path";

import { writeSection } from "../../tools/document-section.ts";
import { Attempts } from "./engine/attempt.ts";
import { supervise, type TargetReport } from "./engine/supervisor.ts";
import { HELP, OptionError, readOptions, type Options } from "./options.ts";
import { tableOf } from "./report.ts";
import { findTarget, targets } from "./targets.ts";

const EXIT_USAGE = 2;
const MINUTE_MS = 60_000;
const names = targets.map(({ name }) => name);

process.exitCode = await main();

async function main(): Promise<number> {
  let options: Options;
  try {
    options = readOptions(process.argv.slice(2), names);
  } catch (error) {
    if (!(error instanceof OptionError)) throw error;
    console.error(`${error.message}\n\n${HELP}`);
    return EXIT_USAGE;
  }
  if (options.help) {
    console.log(
      `${HELP}\n\nTargets:\n${targets.map(({ name, decodes }) => `  ${name}: ${decodes}`).join("\n")}`,
    );
    return 0;
  }
  return options.replay === undefined ? fuzz(options) : replay(options.targets[0] ?? "", options.replay);
}

async function fuzz(options: Options): Promise<number> {
  const reports: TargetReport[] = [];
  const queue = [...options.targets];
  const work = async (): Promise<void> => {
    for (let name = queue.shift(); name !== undefined; name = queue.shift())
      reports.push(await fuzzTarget(name, options));
  };
  await Promise.all(Array.from({ length: options.jobs }, work));
  reports.sort((a, b) => names.indexOf(a.name) - names.indexOf(b.name));
  const table = tableOf(reports);
  console.log(`\n${table}`);
  if (options.write) writeSection("fuzz", table);
  return reports.some(({ findings }) => findings > 0) ? 1 : 0;
}

async function fuzzTarget(name: string, options: Options): Promise<TargetReport> {
  const started = performance.now();
  const report = await supervise({
    target: name,
    seed: options.seed,
    ms: options.minutes * MINUTE_MS,
    runs: options.runs,
    writesCorpus: options.write,
    onFinding: (file, text) => {
      console.log(
        `\nFOUND in ${name}: ${text}\nnpm run fuzz -- --target ${name} --replay ${relative(".", file)}`,
      );
    },
  });
  const seconds = Math.max(1, (performance.now() - started) / 1_000);
  const rate = Math.round(report.executions / seconds);
  console.log(
    `${name}: ${report.executions} inputs (${rate}/s), ${report.blocks} blocks, ${report.findings} findings`,
  );
  return report;
}

async function replay(name: string, file: string): Promise<number> {
  const attempts = new Attempts(findTarget(name));
  using _stray = attempts.catchStray();
  const found = await attempts.runAlone(new Uint8Array(readFileSync(file)));
  console.log(found ?? "nothing was found");
  return found === undefined ? 0 : 1;
}
