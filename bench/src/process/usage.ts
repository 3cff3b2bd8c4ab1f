/** What processes used so far, read from /proc. Elsewhere than on Linux all of it is zero or unknown. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

export interface Usage {
  readonly cpuMicros: number;
  readonly residentBytes: number;
}

const MICROS_PER_SECOND = 1e6;
const BYTES_PER_KIB = 1_024;
/** In /proc/PID/stat, counted from the field behind the program's name, which may hold spaces. */
const FIELD_PARENT = 1;
const FIELD_USER_TIME = 11;
const FIELD_SYSTEM_TIME = 12;
const FIELD_CHILDREN_USER_TIME = 13;
const FIELD_CHILDREN_SYSTEM_TIME = 14;

const ticksPerSecond = process.platform === "linux" ? Number(execFileSync("getconf", ["CLK_TCK"])) : 100;

/** The sum over these processes and all their descendants, those that have ended included. */
export function usageOf(pids: readonly number[]): Usage {
  let cpuMicros = 0;
  let residentBytes = 0;
  for (const pid of withDescendants(pids)) {
    cpuMicros += cpuMicrosOf(pid);
    residentBytes += residentBytesOf(pid);
  }
  return { cpuMicros, residentBytes };
}

function cpuMicrosOf(pid: number): number {
  const fields = statOf(pid);
  const ticks = [
    FIELD_USER_TIME,
    FIELD_SYSTEM_TIME,
    FIELD_CHILDREN_USER_TIME,
    FIELD_CHILDREN_SYSTEM_TIME,
  ].reduce((sum, field) => sum + Number(fields[field] ?? 0), 0);
  return (ticks / ticksPerSecond) * MICROS_PER_SECOND;
}

function residentBytesOf(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0) * BYTES_PER_KIB;
}

function withDescendants(roots: readonly number[]): ReadonlySet<number> {
  const found = new Set(roots);
  if (process.platform !== "linux") return found;
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    if (/^\d+$/.test(name)) parents.set(Number(name), Number(statOf(Number(name))[FIELD_PARENT] ?? 0));
  }
  for (let before = -1; before !== found.size;) {
    before = found.size;
    for (const [pid, parent] of parents) if (found.has(parent)) found.add(pid);
  }
  return found;
}

function statOf(pid: number): readonly string[] {
  const text = read(`/proc/${pid}/stat`);
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // The process has ended, or is not ours to look at.
  }
}
