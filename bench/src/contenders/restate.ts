/** Restate: its server, and handlers with its SDK in a process of their own. Once as it comes, once tuned. */
import { existsSync } from "node:fs";
import { join } from "node:path";

import type { Contender, ContenderName } from "./contender.ts";
import { installPeers, PEERS, peerVersion } from "./peers.ts";
import { RunningTwoProcesses, type TwoProcesses } from "./two-processes.ts";

const SERVER = join(
  PEERS,
  `node_modules/@restatedev/restate-server-${process.platform}-${process.arch}/bin/restate-server`,
);

/** Settings by the name of their environment variable, each with its reason. None weakens what a sync stands for. */
const TUNING: ReadonlyArray<readonly [variable: string, value: string, reason: string]> = [
  [
    "RESTATE_DEFAULT_NUM_PARTITIONS",
    "2",
    "one for each core of a small machine instead of 24: fewer, larger batches",
  ],
  ["RESTATE_LOG_FILTER", "warn", "no line in the log for ordinary events"],
  ["RESTATE_DISABLE_PROMETHEUS", "true", "no metrics"],
  ["RESTATE_ROCKSDB_PERF_LEVEL", "disable", "no counters in RocksDB"],
];

function contender(name: ContenderName, tuning: typeof TUNING): Contender {
  const processes: TwoProcesses = {
    name,
    handlers: join(PEERS, "restate-handlers.mjs"),
    server: ({ dataDirectory, ingressPort, adminPort, otherPort }) => ({
      command: SERVER,
      args: ["--no-logo"],
      environment: {
        RESTATE_BASE_DIR: dataDirectory,
        RESTATE_NODE_NAME: "bench",
        RESTATE_LISTEN_MODE: "tcp",
        RESTATE_BIND_ADDRESS: `127.0.0.1:${otherPort}`,
        RESTATE_INGRESS__BIND_ADDRESS: `127.0.0.1:${ingressPort}`,
        RESTATE_ADMIN__BIND_ADDRESS: `127.0.0.1:${adminPort}`,
        RESTATE_DISABLE_TELEMETRY: "true",
        RESTATE_LOG_DISABLE_ANSI_CODES: "true",
        DO_NOT_TRACK: "1",
        ...Object.fromEntries(tuning.map(([variable, value]) => [variable, value])),
      },
    }),
    registration: (url) => ({ uri: url }),
  };
  return {
    name,
    version: () =>
      `${peerVersion("@restatedev/restate-server")}, SDK ${peerVersion("@restatedev/restate-sdk")}`,
    settings: tuning.map(([variable, value, reason]) => [`${variable}=${value}`, reason]),
    lacks: new Map([["embedded", "Restate runs in no program but its own server"]]),
    embedded: undefined,
    absence: async () =>
      installPeers() ??
      (existsSync(SERVER) ? undefined : `there is no server for ${process.platform}-${process.arch}`),
    start: (directory) => RunningTwoProcesses.start(processes, directory),
  };
}

export const restate = contender("restate", []);
export const restateTuned = contender("restate-tuned", TUNING);
