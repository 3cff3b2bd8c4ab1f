/** What a command may use of the process it runs in. Tests put their own in its place. */
import { cwd } from "node:process";

export type OutputStream = {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
};

export type InputStream = NodeJS.ReadableStream & { readonly isTTY?: boolean };

export type Environment = {
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly stdin: InputStream;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly directory: string;
  /** Milliseconds since the Unix epoch. */
  now(): number;
};

export function processEnvironment(): Environment {
  return {
    variables: process.env,
    get stdin() {
      return process.stdin;
    },
    stdout: process.stdout,
    stderr: process.stderr,
    directory: cwd(),
    now: () => Date.now(),
  };
}
