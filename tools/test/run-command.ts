// Runs a child in a process group of its own, so that nothing it started outlives it: not after a normal exit, not
// after a timeout, not when we are told to stop.

import { type ChildProcess, spawn } from "node:child_process";

import { ROOT } from "../source-files.ts";

const STOP_GRACE_MS = 1_000;
const OUTPUT_CHARS_MAX = 4_000_000;

export interface CommandOutcome {
  /** Undefined when a signal ended the process. */
  readonly exitCode: number | undefined;
  /** What the process wrote to stdout and stderr, in order of arrival. */
  readonly output: string;
  readonly timedOut: boolean;
}

const running = new Set<ChildProcess>();

/** Runs the Node that runs us. */
export function runNode(args: readonly string[], timeoutMs: number): Promise<CommandOutcome> {
  const env: NodeJS.ProcessEnv = { ...process.env, FORCE_COLOR: "0" };
  delete env["NODE_TEST_CONTEXT"];
  const child = spawn(process.execPath, [...args], {
    cwd: ROOT,
    detached: process.platform !== "win32",
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  running.add(child);

  let output = "";
  let timedOut = false;
  const collect = (chunk: string): void => {
    if (output.length < OUTPUT_CHARS_MAX) output += chunk;
  };
  child.stdout.setEncoding("utf8").on("data", collect);
  child.stderr.setEncoding("utf8").on("data", collect);

  const timer = setTimeout(() => {
    timedOut = true;
    signalGroup(child, "SIGKILL");
  }, timeoutMs);

  return new Promise((resolve, reject) => {
    child.on("error", reject);
    // A grandchild may still hold the pipes, and "close" would wait for it: end the group first.
    child.on("exit", () => signalGroup(child, "SIGKILL"));
    child.on("close", (code) => {
      clearTimeout(timer);
      running.delete(child);
      resolve({ exitCode: code ?? undefined, output, timedOut });
    });
  });
}

/** On a signal, takes every running child down before leaving with the code a shell expects. */
export function stopChildrenOnSignal(): void {
  const codes = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;
  for (const [signal, code] of Object.entries(codes)) {
    process.once(signal, () => {
      for (const child of running) signalGroup(child, "SIGTERM");
      setTimeout(() => {
        for (const child of running) signalGroup(child, "SIGKILL");
        process.exit(code);
      }, STOP_GRACE_MS);
    });
  }
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    if (process.platform === "win32") child.kill(signal);
    else process.kill(-child.pid, signal);
  } catch {
    // The group is already gone, which is what we wanted.
  }
}
