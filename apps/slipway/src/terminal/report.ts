/** What is printed when something has come to its end. */
import { relative } from "node:path";

import { describeFailure } from "../failure.ts";
import type { HostStatus } from "../platform.ts";
import type { Style } from "./style.ts";

export function failureReport(what: string, error: unknown, style: Style): string {
  const { message, lines } = describeFailure(error);
  const log = lines.map((line) => `      ${style.dim("│")} ${line}`);
  return [`${style.red("✗")} ${style.bold(what)}: ${message}`, ...log].join("\n");
}

export interface LiveReport {
  readonly status: HostStatus;
  readonly url: string;
  readonly directory: string;
  readonly control: string;
  readonly pid: number;
  readonly logs: string;
  readonly hasKeys: boolean;
  /** Where the reader's shell is. */
  readonly cwd: string;
  /** What a command has to end with so that it reaches this Slipway. */
  readonly flags: string;
  /** The program ends after this: there is nothing more that one could do with it. */
  readonly isLast: boolean;
}

/** The end of a deployment that went well, with what can be done next. Every command in it works as it stands. */
export function liveReport(report: LiveReport, style: Style): string {
  const { status, url, pid, control, hasKeys, flags } = report;
  const { live = "", version, candidates } = status.domain;
  const { bold, dim, green } = style;
  const regions = status.regions.map(({ name, instances }) => {
    const instance = instances.find(({ deployment }) => deployment === live);
    const address = instance?.address;
    const where = address === undefined ? dim(instance?.status ?? "nothing runs") : addressOf(address);
    return `    ${name.padEnd(6)} ${where}`;
  });
  const here = relative(report.cwd, report.directory);
  const directory = here === "" ? "." : here.startsWith("..") ? report.directory : here;
  const key = (name: string): string => (hasKeys ? `press ${bold(name)}, or ` : "");
  const canRollBack = candidates.some(({ deployment }) => deployment !== live);
  const facts = [
    "",
    `${green("●")} ${bold(status.app)} is live: ${bold(url)}`,
    "",
    `    ${dim(`${live}, route version ${version}`)}`,
    ...regions,
    `    ${"logs".padEnd(6)} ${report.logs}`,
    "",
  ];
  if (report.isLast) return facts.join("\n");
  return [
    ...facts,
    bold("  Next, from another terminal"),
    `    deploy again    ${key("d")}npm start -- deploy ${quote(directory)}${flags}`,
    `    deploy yours    npm start -- deploy path/to/app${flags}`,
    `    roll back       ${key("r")}npm start -- rollback ${status.app}${flags}${canRollBack ? "" : dim("   (after a second deployment)")}`,
    `    look            npm start -- status${flags}   ${dim(`(or curl ${control}/status)`)}`,
    `    crash it        kill -9 ${pid}        ${dim("at any moment; npm start again goes on behind the last finished step")}`,
    `    quit            ${hasKeys ? `press ${bold("q")}` : `kill ${pid}`}`,
    "",
  ].join("\n");
}

export function addressOf({ host, port }: { readonly host: string; readonly port: number }): string {
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

export function quote(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : JSON.stringify(path);
}
