import { spawnSync } from "node:child_process";

/** Runs a program and returns what it wrote to stdout. Only a failure shows the rest of what it had to say. */
export function runQuietly(program: string, args: readonly string[], folder?: string): string {
  const { status, signal, error, stdout, stderr } = spawnSync(program, args, {
    cwd: folder,
    encoding: "utf8",
  });
  if (error !== undefined) throw new Error(`Cannot run ${program}: ${error.message}`, { cause: error });
  if (status !== 0) {
    const end = signal ?? `exit code ${status}`;
    throw new Error(`${[program, ...args].join(" ")} ended with ${end}:\n${stdout}${stderr}`);
  }
  return stdout;
}
