/**
 * Finds what an earlier run of Slipway left running. Usually nothing: programs end with the pipe to their leash. This is
 * for the case that somebody killed Slipway and the leashes, but not the programs.
 *
 * Every program Slipway starts has the data directory in its environment, and children inherit it. Whoever holds the lock
 * on that directory may therefore end every process that carries its name. Linux only; elsewhere the pipe has to do.
 */
import { readdirSync, readFileSync } from "node:fs";

/** Set in the environment of everything Slipway starts: the data directory it belongs to. */
export const OWNER_VARIABLE = "SLIPWAY_OWNER";

/** Process ids of what carries the owner's name, without this process. */
export function findLeftovers(owner: string): readonly number[] {
  if (process.platform !== "linux") return [];
  const mark = `${OWNER_VARIABLE}=${owner}`;
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
    .filter((pid) => environmentOf(pid).includes(mark))
    .map(Number);
}

/** Ends them at once. Returns how many there were. The caller holds the lock on the owner's directory. */
export function killLeftovers(owner: string): number {
  const pids = findLeftovers(owner);
  for (const pid of pids) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // ESRCH: it has ended by itself meanwhile.
    }
  }
  return pids.length;
}

function environmentOf(pid: string): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
  } catch {
    return []; // It has ended meanwhile, or it belongs to somebody else.
  }
}
