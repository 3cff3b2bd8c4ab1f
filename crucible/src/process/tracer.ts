/** strace in front of a server: to watch its system calls, or to make some of them fail, wait or kill. */

export type Injection = {
  /** What happens, as strace writes it: "error=EIO", "signal=KILL", "delay_enter=200000" (microseconds). */
  readonly action: string;
  readonly syscalls: readonly string[];
  /** Which calls: "7" is the seventh of each thread, "1+" is every one. */
  readonly when: string;
};

/** Longer strings than any single write of a traced server: the trace then holds all of its bytes. */
const STRING_BYTES_MAX = 16 * 1024 * 1024;

function tracer(output: string, syscalls: readonly string[]): string[] {
  return ["strace", "-f", "-qq", "-o", output, "-e", `trace=${syscalls.join(",")}`];
}

/**
 * Writes every one of these calls with all bytes, in hexadecimal. Only they stop the process; in between it runs at full
 * speed.
 */
export function recordingTracer(output: string, syscalls: readonly string[]): readonly string[] {
  return [...tracer(output, syscalls), "--seccomp-bpf", "-xx", "-s", String(STRING_BYTES_MAX)];
}

/**
 * Names each call's file (`-y`) and time (`-ttt`), and the beginnings of what is written. Every system call stops the
 * process: with `--seccomp-bpf`, strace 6.1 injects nothing.
 */
export function watchingTracer(
  output: string,
  syscalls: readonly string[],
  injections: readonly Injection[] = [],
): readonly string[] {
  const inject = injections.flatMap(({ action, syscalls: names, when }) => [
    "-e",
    `inject=${names.join(",")}:${action}:when=${when}`,
  ]);
  return [...tracer(output, syscalls), "-y", "-ttt", ...inject];
}
