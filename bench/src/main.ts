/** `npm run bench`. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

import { runBenchmark, scenarioNames } from "./benchmark.ts";
import { HELP, OptionError, readOptions, type Options } from "./options.ts";
import { headerText, scenarioText } from "./report/table.ts";

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
  if (options.json !== undefined) {
    mkdirSync(dirname(options.json), { recursive: true });
    writeFileSync(options.json, `${JSON.stringify(results, undefined, 1)}\n`);
  }
  const missed = results.scenarios.some(({ goals }) => goals.some(({ met }) => !met));
  return options.strict && missed ? 1 : 0;
}

function checkNames(only: readonly string[]): void {
  const known = scenarioNames();
  const unknown = only.find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new OptionError(`There is no scenario "${unknown}". There are: ${known.join(", ")}.`);
}
