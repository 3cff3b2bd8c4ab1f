import { isSea } from "node:sea";
import { fileURLToPath } from "node:url";

/** The command of `holdfast` under which its executable is the process that runs queries. */
export const QUERY_PROCESS_COMMAND = "query-process";

export type QueryProgram = { readonly file: string; readonly args: readonly string[] };

/** How the process that runs queries is started: with the same runtime, which as one executable file is the program too. */
export function queryProgram(): QueryProgram {
  if (isSea()) return { file: process.execPath, args: [QUERY_PROCESS_COMMAND] };
  // Source in development and compiled in a release.
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const program = fileURLToPath(new URL(`query-process.${extension}`, import.meta.url));
  return { file: process.execPath, args: ["--disable-warning=ExperimentalWarning", program] };
}
