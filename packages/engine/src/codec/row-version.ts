/** The byte that begins every row. */
import { DecodeError, type BinaryReader } from "./binary.ts";

/** Takes it, and refuses every version from `newest` on. Returns the version. */
export function checkVersion(reader: BinaryReader, newest: number, what: string): number {
  const version = reader.byte();
  if (version >= 1 && version <= newest) return version;
  throw new DecodeError(
    `${what} has format ${version}; this program reads format ${newest}. Start a newer Holdfast.`,
  );
}
