import { readFileSync } from "node:fs";

/** The most memory that a process has had in use so far, in bytes. Linux only. */
export function peakResidentBytes(pid: number): number {
  const found = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(found?.[1] ?? 0) * 1024;
}
