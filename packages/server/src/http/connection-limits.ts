/**
 * Fits the numbers of connections into the files that the process may have open. Each connection is one, and so is each
 * segment of the log, the checkpoint and the way to a handler: strangers who do nothing but hold connections open must not
 * take those.
 */
import { readFileSync } from "node:fs";

import type { LoadedConfig } from "../config.ts";

/** Kept for the log, the checkpoint, handlers and Node itself. A server without connections has about forty open. */
const FILES_KEPT = 64;
/** A process that may open hardly any more still takes so many connections, however it ends. */
const CONNECTIONS_MIN = 16;
/** Of the connections there is room for, the part that operators have. */
const ADMIN_PART = 1 / 4;
/** So many connections beyond the limit are still told why, before the kernel's queue has to do: a third of it, at most this. */
const REFUSED_MAX = 64;

/** Connections that a listener accepts only to say that there are too many. */
export function refusedConnections(connectionsMax: number): number {
  return Math.min(REFUSED_MAX, Math.ceil(connectionsMax / 3));
}

/** What this process may have open, or undefined where the system does not say. Node raises the soft limit at its start. */
export function openFilesMax(): number | undefined {
  if (process.platform !== "linux") return undefined;
  try {
    return parseOpenFilesMax(readFileSync("/proc/self/limits", "utf8"));
  } catch {
    return undefined; // Without /proc the limit stays unknown, and the configured numbers hold.
  }
}

/** The soft limit, in the format of /proc/PID/limits. */
export function parseOpenFilesMax(limits: string): number | undefined {
  const soft = /^Max open files +(\d+) /m.exec(limits)?.[1];
  return soft === undefined ? undefined : Number(soft);
}

export type FittedConnections = {
  /** With numbers of connections that the process has room for. */
  readonly config: LoadedConfig;
  /** For the operator, when they are lower than what was asked for. */
  readonly warning: string | undefined;
};

export function fitConnections(config: LoadedConfig, filesMax: number | undefined): FittedConnections {
  const { "ingress.connectionsMax": ingress, "admin.connectionsMax": admin } = config.values;
  const room = Math.max(CONNECTIONS_MIN, (filesMax ?? Number.POSITIVE_INFINITY) - FILES_KEPT);
  const adminWanted = admin + refusedConnections(admin);
  if (room >= ingress + refusedConnections(ingress) + adminWanted) return { config, warning: undefined };
  const adminRoom = Math.min(adminWanted, Math.floor(room * ADMIN_PART));
  const fitted = {
    "ingress.connectionsMax": Math.min(ingress, servedOf(room - adminRoom)),
    "admin.connectionsMax": Math.min(admin, servedOf(adminRoom)),
  };
  const numbers = Object.entries(fitted).map(([key, value]) => `${key} is ${value}`);
  return {
    config: { ...config, values: { ...config.values, ...fitted } },
    warning: `this process may have ${filesMax} files open, so ${numbers.join(" and ")}: raise ulimit -n for more`,
  };
}

/** Connections to serve where there is room for so many with those that are refused. */
function servedOf(room: number): number {
  return room - Math.min(REFUSED_MAX, Math.ceil(room / 4));
}
