/** `npm run bench`. */
import { join } from "node:path";

import { runBenchmark, scenarioNames } from "./benchmark.ts";
import { HELP, OptionError, readOptions, type Options } from "./options.ts";
import type { Results } from "./report/results.ts";
import { headerText, scenarioText } from "./report/table.ts";
import { readResults, resultsName, writeReport, writeResults } from "./report/write-report.ts";

const EXIT_USAGE = 2;

process.on("SIGINT", () => process.exit(130));
process.on("SIGTERM", () => process.exit(143));
process.exitCode = await main();

async function main(): Promise<number> {
  let options: Options;
  try {
    options = readOptions(process.argv.slice(2), process.env);
    checkNames(options.only);
  } catch (error) {
    if (!(error instanceof OptionError)) throw error;
    console.error(`${error.message}\n\n${HELP}`);
    return EXIT_USAGE;
  }
  if (options.help) {
    console.log(`${HELP}\n\nScenarios: ${scenarioNames().join(", ")}`);
    return 0;
  }
  if (options.report !== undefined) {
    report(readResults(options.report.split(",")));
    return 0;
  }
  return measure(options);
}

async function measure(options: Options): Promise<number> {
  const results = await runBenchmark(options, {
    onProgress: (text) => {
      if (process.stderr.isTTY) process.stderr.write(`\r\u001B[K${text}`);
    },
    onScenario: (record) => {
      if (process.stderr.isTTY) process.stderr.write("\r\u001B[K");
      console.log(`${scenarioText(record)}\n`);
    },
  });
  console.log(headerText(results));
  if (options.json !== undefined) writeResults(options.json, results);
  if (options.out !== undefined) {
    writeResults(join(options.out, `${resultsName(results)}.json`), results);
    report(results);
  }
  const missed = results.scenarios.some(({ goals }) => goals.some(({ met }) => !met));
  return options.strict && missed ? 1 : 0;
}

function report(results: Results): void {
  for (const path of writeReport(results)) console.log(`wrote ${path}`);
}

function checkNames(only: readonly string[]): void {
  const known = scenarioNames();
  const unknown = only.find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new OptionError(`There is no scenario "${unknown}". There are: ${known.join(", ")}.`);
}
