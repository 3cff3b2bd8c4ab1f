/** `npm run interop`: builds the programs in other languages, as far as the machine has what they need. */
import { spawnSync } from "node:child_process";

import { isBuilt, LANGUAGES, type Language } from "./languages.ts";

const BUILD_TIMEOUT_MS = 600_000;

/** Why it could not be built, or `undefined`. */
function build({ build: commands, folder }: Language): string | undefined {
  for (const [command, ...args] of commands) {
    const done = spawnSync(command, args, { cwd: folder, encoding: "utf8", timeout: BUILD_TIMEOUT_MS });
    if (done.error !== undefined) return `${command} could not be started: ${done.error.message}`;
    if (done.status !== 0) return `${[command, ...args].join(" ")} failed:\n${done.stdout}${done.stderr}`;
  }
  return undefined;
}

for (const language of LANGUAGES) {
  const { name, tool } = language;
  const problem = isBuilt(language) ? undefined : build(language);
  if (problem === undefined) {
    console.log(`${name}: built. \`npm run test:interop\` runs it.`);
  } else {
    console.log(`${name}: NOT built; it needs "${tool}" and the network. ${problem}`);
    process.exitCode = 1;
  }
}
