/** An environment that remembers what is printed, for running commands in the process of their test. */
import { Readable } from "node:stream";

import type { Environment } from "../environment.ts";
import { runCommandLine } from "../run.ts";

export type Printed = { readonly code: number; readonly stdout: string; readonly stderr: string };

export async function runHere(
  words: readonly string[],
  options: {
    readonly variables?: Readonly<Record<string, string>>;
    readonly isTerminal?: boolean;
    readonly stdin?: string;
    readonly directory?: string;
  } = {},
): Promise<Printed> {
  let stdout = "";
  let stderr = "";
  const isTTY = options.isTerminal === true;
  const environment: Environment = {
    variables: options.variables ?? {},
    stdin: Object.assign(Readable.from([options.stdin ?? ""]), { isTTY }),
    stdout: { write: (text) => (stdout += text), isTTY, columns: 120 },
    stderr: { write: (text) => (stderr += text), isTTY },
    directory: options.directory ?? process.cwd(),
    now: () => Date.parse("2030-01-01T00:00:00Z"),
  };
  const code = await runCommandLine(words, environment);
  return { code, stdout, stderr };
}
