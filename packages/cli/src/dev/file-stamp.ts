import { statSync } from "node:fs";

/** Differs between two versions of a file. Saving without a change may or may not be one. */
export function fileStamp(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? "absent" : `${stat.mtimeMs} ${stat.size} ${stat.ino}`;
}
