/** The command line, for programs that bring it along. */
export { processEnvironment, type Environment } from "./environment.ts";
export { ExitCode } from "./exit-code.ts";
export { runCommandLine } from "./run.ts";
