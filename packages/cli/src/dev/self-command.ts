import { isSea } from "node:sea";
import { fileURLToPath } from "node:url";

/** How this program starts itself: as one executable file it is the runtime too. */
export function selfCommand(): { readonly file: string; readonly args: readonly string[] } {
  if (isSea()) return { file: process.execPath, args: [] };
  const program = fileURLToPath(new URL("../../bin/holdfast.mjs", import.meta.url));
  return {
    file: process.execPath,
    // What these warn of (a package.json without "type", a young feature) is not what someone at work wants to read.
    args: [
      ...process.execArgv,
      "--disable-warning=MODULE_TYPELESS_PACKAGE_JSON",
      "--disable-warning=ExperimentalWarning",
      program,
    ],
  };
}
