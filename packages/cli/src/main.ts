/** The program: the words behind its name, in this process. */
import { enableCompileCache } from "node:module";

// Node keeps what it makes of each source file, so that the next start is several times faster. bin/holdfast.mjs has said so
// already; this is for whoever starts this file itself.
enableCompileCache();
const { processEnvironment } = await import("./environment.ts");
const { runCommandLine } = await import("./run.ts");

// Whoever reads may stop reading: `holdfast invocations list | head`. A server, which listens for signals, goes on without.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    if (process.listenerCount("SIGTERM") === 0) process.exit();
  });
}

process.exitCode = await runCommandLine(process.argv.slice(2), processEnvironment());
