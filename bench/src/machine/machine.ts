import { readFileSync, statfsSync } from "node:fs";
import { cpus, loadavg, release, totalmem, type } from "node:os";

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly kernel: string;
  readonly fileSystem: string;
  readonly node: string;
  /** One-minute load when the run began: more than a little means that others were at work. */
  readonly loadBefore: number;
}

/** The machine, with the file system on which `directory` lies. */
export function describeMachine(directory: string): Machine {
  const processors = cpus();
  return {
    cpu: processors[0]?.model.trim() ?? "unknown",
    cores: processors.length,
    memoryBytes: totalmem(),
    kernel: `${type()} ${release()}`,
    fileSystem: fileSystemOf(directory),
    node: process.version,
    loadBefore: loadavg()[0] ?? 0,
  };
}

function fileSystemOf(directory: string): string {
  if (process.platform !== "linux") return `type ${statfsSync(directory).type}`;
  const mounts = readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" "))
    .filter(([, path = ""]) => path !== "" && `${directory}/`.startsWith(path === "/" ? "/" : `${path}/`));
  const deepest = mounts.toSorted((a, b) => (b[1] ?? "").length - (a[1] ?? "").length)[0];
  return deepest?.[2] ?? "unknown";
}
