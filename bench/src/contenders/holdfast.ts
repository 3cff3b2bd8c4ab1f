/**
 * Holdfast as a user runs it: `holdfast serve` with its defaults, handlers in a process of their own. Once with its own SDK,
 * once with the very program that Restate is measured with.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import type { Contender } from "./contender.ts";
import { installPeers, PEERS, peerVersion } from "./peers.ts";
import { RunningTwoProcesses, type TwoProcesses } from "./two-processes.ts";

export const HOLDFAST_PROGRAM = fileURLToPath(
  new URL("../../../packages/cli/bin/holdfast.mjs", import.meta.url),
);
const EMBEDDED = fileURLToPath(new URL("../handlers/holdfast-embedded.ts", import.meta.url));
const MANIFEST = new URL("../../../package.json", import.meta.url);

const processes: TwoProcesses = {
  name: "holdfast",
  handlers: fileURLToPath(new URL("../handlers/holdfast.ts", import.meta.url)),
  server: ({ dataDirectory, ingressPort, adminPort }) => ({
    command: process.execPath,
    args: [HOLDFAST_PROGRAM, "serve", "--data", dataDirectory, ...portArguments(ingressPort, adminPort)],
  }),
  logFolder: "log",
  registration: (url) => ({ url }),
};

export const holdfast: Contender = {
  name: "holdfast",
  version: ownVersion,
  settings: [],
  lacks: new Map(),
  absence: async () => undefined,
  embedded: async (directory) => ({
    command: process.execPath,
    args: [EMBEDDED, directory],
    stop: async () => {},
  }),
  start: (directory) => RunningTwoProcesses.start(processes, directory),
};

const restateSdkProcesses: TwoProcesses = {
  ...processes,
  name: "holdfast-restate-sdk",
  handlers: join(PEERS, "restate-handlers.mjs"),
};

export const holdfastRestateSdk: Contender = {
  ...holdfast,
  name: "holdfast-restate-sdk",
  version: () => `${ownVersion()}, Restate's SDK ${peerVersion("@restatedev/restate-sdk")}`,
  lacks: new Map([["embedded", "handlers of Restate's SDK run in a process of their own"]]),
  absence: async () => installPeers(),
  embedded: undefined,
  start: (directory) => RunningTwoProcesses.start(restateSdkProcesses, directory),
};

function ownVersion(): string {
  return (JSON.parse(readFileSync(MANIFEST, "utf8")) as { readonly version: string }).version;
}

function portArguments(ingressPort: number, adminPort: number): readonly string[] {
  return ["--ingress-port", String(ingressPort), "--admin-port", String(adminPort)];
}
