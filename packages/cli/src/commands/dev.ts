import { existsSync } from "node:fs";
import { resolve } from "node:path";

import { connect } from "@holdfast/client";
import { startServer, type RunningServer } from "@holdfast/server";

import { CliError } from "../cli-error.ts";
import { defineCommand, type Command } from "../command.ts";
import { DEV_DIRECTORY, wipe } from "../dev/dev-directory.ts";
import { DevReporter } from "../dev/dev-reporter.ts";
import { DevSession } from "../dev/dev-session.ts";
import type { Environment } from "../environment.ts";
import { ExitCode } from "../exit-code.ts";
import { httpFetch } from "../http-fetch.ts";
import type { Output } from "../output/output.ts";
import { wantsColour } from "../output/paint.ts";
import { shownLine } from "../output/shown-text.ts";
import { readPort } from "../read-option.ts";
import { configOf, serverOptions } from "../server/server-options.ts";
import { exitCodeOfFailure, startFailure } from "../server/start-failure.ts";
import { stopSignal } from "../server/stop-signal.ts";

export const dev: Command = defineCommand({
  description:
    "Serves every service, object and workflow that the file exports, in a process of its own, and starts that anew when the " +
    "file or something it imports is saved. The engine keeps running meanwhile: what was under way goes on with the new code. " +
    "Data is kept between runs.",
  args: [{ name: "file", help: "TypeScript or JavaScript that exports services" }],
  options: {
    ...serverOptions,
    data: { type: "string", value: "DIR", help: `data directory; default ${DEV_DIRECTORY}` },
    "service-port": {
      type: "string",
      value: "PORT",
      help: "port of your services; default the one of the last run",
    },
    fresh: { type: "boolean", help: "forget everything first" },
  },
  examples: [
    { line: "holdfast dev services.ts", help: "then call what it prints" },
    { line: "holdfast dev src/services.ts --fresh", help: "begin with nothing" },
    {
      line: "holdfast dev services.ts --ingress-port 0 --admin-port 0 --json",
      help: "for scripts: a JSON event per line",
    },
  ],
  async run({ args, options, out, environment }) {
    const file = resolve(environment.directory, args[0] ?? "");
    if (!existsSync(file)) throw noFile(args[0] ?? "");
    const servicePort = readPort(options["service-port"], "--service-port");
    const config = configOf(options, environment, { data: DEV_DIRECTORY });
    const data = resolve(environment.directory, config.values.data);
    if (options.fresh) await wipe(data);
    const reporter = new DevReporter(out, environment.directory);
    using stop = stopSignal(() => out.note("Stopping."));
    const server = await startServer({
      config,
      onFailed: (reason) => {
        console.error(`holdfast: the engine cannot go on: ${shownLine(reason.message)}`);
        process.exit(exitCodeOfFailure(reason));
      },
      onWarning: (message) => reporter.warning(message),
    }).catch((error: unknown) => {
      throw startFailure(error);
    });
    reporter.server({ ingressUrl: server.ingressUrl, adminUrl: server.adminUrl, data });
    const session = new DevSession({
      file,
      data,
      ingressUrl: server.ingressUrl,
      servicePort,
      admin: adminOf(server, config.values["admin.token"]),
      reporter,
      stop,
      directory: environment.directory,
      variables: variablesFor(environment, out),
    });
    await session.run();
    await server.close();
    reporter.stopped();
  },
});

function adminOf({ adminUrl }: RunningServer, adminToken: string) {
  return connect({ adminUrl, fetch: httpFetch, ...(adminToken === "" ? {} : { adminToken }) }).admin;
}

/** Behind a pipe, programs do without colours; these lines end up on a terminal all the same. */
function variablesFor({ variables, stdout }: Environment, out: Output): Environment["variables"] {
  const isColoured = !out.isJson && wantsColour(stdout, variables);
  return isColoured ? { FORCE_COLOR: "1", ...variables } : variables;
}

function noFile(file: string): CliError {
  return new CliError("file-not-found", `There is no file ${file}`, {
    exitCode: ExitCode.notFound,
    hint: "Give a file that exports services: holdfast dev services.ts",
  });
}
