import { resolve } from "node:path";

import type { Servable } from "@holdfast/protocol";
import type { ServedEndpoint } from "@holdfast/sdk";

import { defineCommand, type Command } from "../command.ts";
import { fileError, missingFile } from "../dev/file-error.ts";
import { fileStamp } from "../dev/file-stamp.ts";
import { loadServices, onImport, UsedSdk } from "../dev/load-services.ts";
import type { FromServices, ToServices } from "../dev/messages.ts";
import { ExitCode } from "../exit-code.ts";
import { readPort } from "../read-option.ts";

/** What is cut off when the file is reloaded is done again, so this can be short. */
const DRAIN_TIMEOUT = "1s";

/** Started by `dev` with a channel to it. Ends when that is gone, however it went. */
export const devServices: Command = defineCommand({
  args: [{ name: "file", help: "the services file" }],
  options: { port: { type: "string", value: "PORT", help: "where to serve them, if it is free" } },
  examples: [],
  async run({ args, options, environment }) {
    const file = resolve(environment.directory, args[0] ?? "");
    process.on("disconnect", () => process.exit());
    // A terminal sends Ctrl-C to both; dev decides when this process ends.
    process.on("SIGINT", () => {});
    const stopped = untilStopped();
    try {
      const endpoint = await start(file, readPort(options.port, "--port") ?? 0);
      await tell({ kind: "ready", url: endpoint.url, port: endpoint.port });
      await stopped;
      await endpoint.close();
    } catch (error) {
      const missing = missingFile(error);
      if (missing !== undefined) await tell({ kind: "imported", file: missing, stamp: "absent" });
      await tell({ kind: "failed", error: fileError(error, environment.directory) });
      process.exit(ExitCode.failed);
    }
    // The file may have left connections and timers of its own.
    process.exit(ExitCode.ok);
  },
});

async function start(file: string, port: number): Promise<ServedEndpoint> {
  onImport((imported) => {
    void tell({ kind: "imported", file: imported, stamp: fileStamp(imported) }); // Delivered or not, the import goes on.
  });
  const sdk = new UsedSdk();
  const services = await loadServices(file);
  const { serve } = await sdk.load();
  const serveAt = (at: number): Promise<ServedEndpoint> =>
    serve({ services: services as Servable[], port: at, drainTimeout: DRAIN_TIMEOUT });
  return serveAt(port).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "EADDRINUSE") return serveAt(0);
    throw error;
  });
}

function untilStopped(): Promise<void> {
  return new Promise((resolve) => {
    process.on("SIGTERM", () => resolve());
    process.on("message", (message: ToServices) => {
      if (message.kind === "stop") resolve();
    });
  });
}

/** Resolves when the message is on its way, so that the process may end. */
function tell(message: FromServices): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined) resolve();
    else process.send(message, undefined, {}, () => resolve());
  });
}
