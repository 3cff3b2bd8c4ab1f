import { connect } from "@holdfast/client";
import { startServer, type LoadedConfig, type RunningServer } from "@holdfast/server";

import { defineCommand, type Command } from "../command.ts";
import { failureLines, failureOf } from "../failure.ts";
import { httpFetch } from "../http-fetch.ts";
import type { Output } from "../output/output.ts";
import { shownLine } from "../output/shown-text.ts";
import { registerWhenReachable } from "../server/register-when-reachable.ts";
import { configOf, serverOptions } from "../server/server-options.ts";
import { exitCodeOfFailure, startFailure } from "../server/start-failure.ts";
import { stopSignal, untilAborted } from "../server/stop-signal.ts";

export const serve: Command = defineCommand({
  description:
    "Settings come from arguments, from the environment (HOLDFAST_INGRESS_PORT, …) and from a file, in this order. Ctrl-C and " +
    "SIGTERM stop it after what was accepted is durable; kill -9 loses nothing either. Started again on the same directory, it " +
    "goes on where it was.",
  args: [],
  options: {
    ...serverOptions,
    "service-url": {
      type: "string",
      value: "URL",
      multiple: true,
      help: "register the services at this address, as soon as it can be reached",
    },
    force: { type: "boolean", short: "f", help: "replace what is known under these addresses" },
    breaking: { type: "boolean", help: "accept that handlers disappear or a service changes its kind" },
  },
  examples: [
    {
      line: "holdfast serve --data ./data --service-url http://localhost:9080",
      help: "engine beside your services",
    },
    { line: "holdfast serve --data /var/lib/holdfast --set retention.journal=7d", help: "with a setting" },
    {
      line: "holdfast serve --data ./data --ingress-port 0 --admin-port 0 --json",
      help: 'for scripts: the first line is {"ready":true,"ingressUrl":…}',
    },
  ],
  async run({ options, out, environment }) {
    const config = configOf(options, environment);
    using stop = stopSignal(() => out.note("Stopping; once more stops at once."));
    const server = await startServer({
      config,
      onFailed: (reason) => fail(reason, out),
      onWarning: (message) => warn(message, out),
    }).catch((error: unknown) => {
      throw startFailure(error);
    });
    announce(server, config, out);
    const { force, breaking } = options;
    const registered = options["service-url"].map((url) =>
      register(
        { url, ...(force ? { force } : {}), ...(breaking ? { breaking } : {}) },
        { server, config, out, stop },
      ),
    );
    await untilAborted(stop);
    await Promise.all(registered);
    await server.close();
    if (out.isJson) out.jsonLine({ event: "stopped" });
  },
});

function announce({ ingressUrl, adminUrl }: RunningServer, { values }: LoadedConfig, out: Output): void {
  if (out.isJson) {
    const event = { event: "ready", ready: true, ingressUrl, adminUrl, data: values.data, pid: process.pid };
    out.jsonLine(event);
    return;
  }
  out.print(out.paint("green", "Holdfast is ready."));
  out.fields([
    ["  Ingress", ingressUrl],
    ["  Admin", adminUrl],
    ["  Data", values.data],
  ]);
}

type Registration = { readonly url: string; readonly force?: boolean; readonly breaking?: boolean };

/** A refusal leaves the server running: it serves what was registered before. */
async function register(
  request: Registration,
  scope: {
    readonly server: RunningServer;
    readonly config: LoadedConfig;
    readonly out: Output;
    readonly stop: AbortSignal;
  },
): Promise<void> {
  const { server, config, out, stop } = scope;
  const { url } = request;
  const adminToken = config.values["admin.token"];
  const { admin } = connect({
    adminUrl: server.adminUrl,
    fetch: httpFetch,
    ...(adminToken === "" ? {} : { adminToken }),
  });
  try {
    const response = await registerWhenReachable(admin, request, {
      signal: stop,
      onWaiting: ({ code, message }) => {
        if (out.isJson) out.jsonLine({ event: "waiting", url, error: code, message });
        else out.print(`Waiting for ${shownLine(url)}: ${shownLine(message)}`);
      },
    });
    if (response === undefined) return;
    const services = response.changes.map(({ service }) => service);
    const deployment = response.deployment?.id;
    if (out.isJson)
      out.jsonLine({ event: "registered", url, deployment, services, created: response.created });
    else out.print(`Registered ${shownLine(url)}: ${services.join(", ")}`);
  } catch (error) {
    const failure = failureOf(error);
    if (out.isJson) out.jsonLine({ event: "refused", url, ...failure });
    else for (const line of failureLines(failure, out.paintNote)) out.note(line);
  }
}

/** Nothing may be acknowledged any more, so nothing is closed either. */
function fail(reason: Error, out: Output): void {
  if (out.isJson) out.jsonLine({ event: "failed", message: reason.message });
  console.error(`holdfast: the engine cannot go on: ${shownLine(reason.message)}`);
  process.exit(exitCodeOfFailure(reason));
}

function warn(message: string, out: Output): void {
  if (out.isJson) out.jsonLine({ event: "warning", message });
  else out.note(`${out.paintNote("yellow", "Warning:")} ${shownLine(message)}`);
}
