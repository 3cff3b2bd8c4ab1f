/** What is measured: one interface for Holdfast and its peers. */
import type { Address } from "../http/connection.ts";

export type ContenderName = "holdfast" | "holdfast-restate-sdk" | "restate" | "restate-tuned" | "dbos";

export type Role = "server" | "handlers";

export interface Contender {
  readonly name: ContenderName;
  /** As its package says it, or as its program does. */
  version(): string;
  /** What was set otherwise than by default, each with its reason. */
  readonly settings: ReadonlyArray<readonly [setting: string, reason: string]>;
  /** Why it cannot be measured here; undefined when it can. May install it. */
  absence(): Promise<string | undefined>;
  /** What it has no such thing for, by scenario, with the reason. */
  readonly lacks: ReadonlyMap<string, string>;
  /** How its engine runs inside a program of one's own, if it does. */
  readonly embedded: ((directory: string) => Promise<EmbeddedProgram>) | undefined;
  /** Starts server and handlers with a new, empty data directory below `directory`. */
  start(directory: string): Promise<RunningContender>;
}

export interface RunningContender {
  readonly name: ContenderName;
  /** Where requests go. Every contender answers the same paths. */
  readonly ingress: Address;
  readonly dataDirectory: string;
  /** Where its log lies, when log and store can be told apart. */
  readonly logDirectory: string | undefined;
  /** Milliseconds from the newest start of the server to its first answer. */
  readonly readyMs: number;
  /** Processes of a role; their descendants belong to it too. */
  pids(role: Role): readonly number[];
  /** What the handlers noted; see handlers/control.ts. */
  control(): Promise<ControlView>;
  /** `kill -9` of the server alone. */
  killServer(): Promise<void>;
  /** Starts the server again on the same directory and ports, and returns when it answers. */
  restartServer(): Promise<void>;
  /** Makes a handler that only waits begin a new attempt, where that does not come about by itself. */
  readonly forceReplay: (() => Promise<void>) | undefined;
  stop(): Promise<void>;
}

/** A program that opens the engine, keeps workflows of ten steps going, and sends an EmbeddedReport. */
export interface EmbeddedProgram {
  readonly command: string;
  readonly args: readonly string[];
  /** Ends what it needed beside it. */
  stop(): Promise<void>;
}

export interface EmbeddedReport {
  readonly steps: number;
  readonly elapsedMs: number;
  readonly cpuMicros: number;
}

export interface ControlView {
  readonly counts: Readonly<Record<string, number>>;
  /** How many different keys were counted, by name. */
  readonly distinct: Readonly<Record<string, number>>;
  readonly notes: Readonly<Record<string, number | string>>;
}

export async function readControl(port: number): Promise<ControlView> {
  const response = await fetch(`http://127.0.0.1:${port}/`);
  return (await response.json()) as ControlView;
}
