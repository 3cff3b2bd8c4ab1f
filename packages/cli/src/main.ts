/** The program: the words behind its name, in this process. */
import { enableCompileCache } from "node:module";

// Node keeps what it makes of each source file, so that the next start is several times faster. bin/holdfast.mjs has said so
// already; this is for whoever starts this file itself.
enableCompileCache();
const { processEnvironment } = await import("./environment.ts");
const { runCommandLine } = await import("./run.ts");

// Whoever reads may stop reading: `holdfast invocations list | head`.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit();
    throw error;
  });
}

process.exitCode = await runCommandLine(process.argv.slice(2), processEnvironment());
