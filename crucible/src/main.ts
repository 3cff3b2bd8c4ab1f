/** `npm run crucible`. */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { writeSection } from "../../tools/document-section.ts";
import { allExperiments } from "./all-experiments.ts";
import { HELP, OptionError, readOptions, type Options } from "./options.ts";
import { markdownTable } from "./report/markdown-table.ts";
import { complaintsOf, runExperiment, type Result } from "./run-experiment.ts";

const EXIT_USAGE = 2;
const BUNDLER = fileURLToPath(new URL("../../packages/cli/bundle-server.mjs", import.meta.url));

// "exit" handlers end processes, unmount and remove directories; a signal alone would skip them.
process.on("SIGINT", () => process.exit(130));
process.on("SIGTERM", () => process.exit(143));
process.on("SIGHUP", () => process.exit(129));
process.exitCode = await main();

async function main(): Promise<number> {
  let options: Options;
  try {
    options = readOptions(
      process.argv.slice(2),
      allExperiments.map(({ name }) => name),
    );
  } catch (error) {
    if (!(error instanceof OptionError)) throw error;
    console.error(`${error.message}\n\n${HELP}`);
    return EXIT_USAGE;
  }
  if (options.help) {
    const list = allExperiments.map(({ name, tries }) => `  ${name.padEnd(16)}${tries}`);
    console.log(`${HELP}\n\nExperiments:\n${list.join("\n")}`);
    return 0;
  }
  const results = await runAll(options);
  const table = markdownTable(results);
  console.log(`\n${table}`);
  if (options.json !== undefined)
    writeFileSync(
      options.json,
      `${JSON.stringify({ seed: options.seed, length: options.length, results }, null, 2)}\n`,
    );
  if (options.write) writeSection("crucible", `${provenance(options)}\n\n${table}`);
  return results.some((result) => complaintsOf(result).length > 0) ? 1 : 0;
}

async function runAll(options: Options): Promise<Result[]> {
  // Bundled, as it is after an installation, the server starts in half the time; a source that was changed undoes that.
  spawnSync(process.execPath, [BUNDLER], { stdio: "ignore" });
  const chosen = allExperiments.filter(
    ({ name }) => options.only.length === 0 || options.only.includes(name),
  );
  if (options.length === "long") {
    const minutes = chosen.reduce((sum, experiment) => sum + experiment.minutes, 0);
    console.log(`Seed ${options.seed}. About ${Math.ceil(minutes)} minutes:`);
    for (const { name, minutes: own, tries } of chosen)
      console.log(`  ${name.padEnd(16)}${own.toFixed(1).padStart(5)} min  ${tries}`);
  }
  const results: Result[] = [];
  for (const experiment of chosen) {
    const say = (text: string): void => console.error(`${experiment.name}: ${text}`);
    const result = await runExperiment(experiment, { length: options.length, seed: options.seed, say });
    const verdict = result.kind === "skipped" ? `skipped: ${result.reason}` : verdictOf(result);
    console.log(`${experiment.name}: ${verdict} (${result.seconds.toFixed(1)} s)`);
    results.push(result);
  }
  return results;
}

function verdictOf(result: Result): string {
  const complaints = complaintsOf(result);
  return complaints.length === 0 ? "held" : complaints.join("\n  ");
}

function provenance({ seed, length, only }: Options): string {
  const again = [
    ...(length === "short" ? ["--short"] : []),
    ...only.flatMap((name) => ["--only", name]),
    `--seed ${seed}`,
  ];
  return `Made by \`npm run crucible -- ${again.join(" ")}\` on Node ${process.versions.node}, ${process.platform}-${process.arch}.`;
}
