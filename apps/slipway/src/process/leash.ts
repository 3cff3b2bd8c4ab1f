// The process between Slipway and a program it runs. It holds one end of a pipe, and Slipway the other: when that closes,
// because Slipway let go or because it was killed, the program and all it has started are ended. So nothing of a killed
// Slipway keeps running, and there is no other way to stop a program than the one that a crash takes.
//
//   node leash.ts GRACE_MS COMMAND_LINE < pipe
//
// It is the leader of a process group of its own, in which the program runs. Exits as the program did.

import { spawn } from "node:child_process";

const EXIT_SIGNALLED = 128;
const [graceMs, commandLine] = process.argv.slice(2);
if (graceMs === undefined || commandLine === undefined)
  throw new Error("usage: leash.ts GRACE_MS COMMAND_LINE");

const isWindows = process.platform === "win32";
let isEnding = false;

// The shell is in the group too. It has to wait for the program, which may have something to finish when it is asked to
// end: with a trap it does, and the program, unlike with an ignored signal, does not inherit it.
const program = spawn(isWindows ? commandLine : `trap : TERM; ${commandLine}`, {
  shell: true,
  stdio: ["ignore", "inherit", "inherit"],
});
program.on("error", (error) => {
  console.error(`could not be started: ${error.message}`);
  process.exit(EXIT_SIGNALLED);
});
program.on("exit", (code) => {
  // Nobody may be left to look after what the program leaves behind.
  if (isEnding && !isWindows) signalGroup("SIGKILL");
  process.exit(code ?? EXIT_SIGNALLED);
});

// Sent to the group below, and so to this process too.
process.on("SIGTERM", () => undefined);

for (const event of ["end", "close", "error"]) process.stdin.on(event, end);
process.stdin.resume();

function end(): void {
  if (isEnding) return;
  isEnding = true;
  if (isWindows) {
    spawn("taskkill", ["/pid", String(program.pid), "/T", "/F"], { stdio: "ignore" });
    return;
  }
  signalGroup("SIGTERM");
  setTimeout(() => signalGroup("SIGKILL"), Number(graceMs));
}

function signalGroup(signal: NodeJS.Signals): void {
  process.kill(-process.pid, signal);
}
