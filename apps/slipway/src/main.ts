// Slipway, a deployment platform in one process. `npm start -- --help` says what it takes.

import { commandFlags, readConfig, USAGE, UsageError, type Config } from "./config.ts";
import { DataLockedError } from "./data-lock.ts";
import { Foreground } from "./foreground.ts";
import { runRemoteCommand } from "./remote-commands.ts";
import { openTerminal } from "./terminal/terminal.ts";

const EXIT_USAGE = 2;

process.exitCode = await main();

async function main(): Promise<number> {
  let config: Config;
  try {
    config = readConfig(process.argv.slice(2), process.env, process.cwd());
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`${error.message}\n\n${USAGE}`);
    return EXIT_USAGE;
  }
  const { command } = config;
  switch (command.kind) {
    case "help":
      console.log(USAGE);
      return 0;
    case "start":
      return start(config, command);
    case "deploy":
    case "roll back":
    case "status":
      return runRemoteCommand(config, command, (line) => console.log(line));
  }
}

async function start(config: Config, command: Parameters<typeof Foreground.run>[1]): Promise<number> {
  const terminal = openTerminal({ input: process.stdin, output: process.stdout }, process.env, process.cwd());
  try {
    return await Foreground.run(config, command, terminal);
  } catch (error) {
    if (!(error instanceof DataLockedError)) throw error;
    const pid = error.holder?.pid;
    const flags = commandFlags(config);
    console.error(
      [
        error.message,
        `  deploy into it      npm start -- deploy ${command.directory ?? "path/to/app"}${flags}`,
        `  see what it does    npm start -- status${flags}`,
        pid === undefined ? undefined : `  stop it             kill ${pid}`,
        "  run another beside  npm start -- --data another/directory",
      ]
        .filter((line) => line !== undefined)
        .join("\n"),
    );
    return 1;
  }
}
