/** How this program starts itself again, as dev does for the services file: from its source, or as the executable. */
import { isSea } from "node:sea";

export type OwnProgram = { readonly command: string; readonly args: readonly string[] };

/** The executable runs nothing but itself: there, no path of a source file stands before the words. */
export function ownProgram(words: readonly string[]): OwnProgram {
  const source = process.argv[1] ?? "";
  return { command: process.execPath, args: isSea() ? words : [...process.execArgv, source, ...words] };
}
