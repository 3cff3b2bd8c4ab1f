/** How damage in a store becomes one error, whether a checksum shows it or SQLite does. */
import { StoreCorruptError } from "./store.ts";

/** SQLite's codes (without their extensions) for a file that is not what SQLite wrote. */
const SQLITE_ERROR = 1;
const SQLITE_CORRUPT = 11;
const SQLITE_MISMATCH = 20;
const SQLITE_NOT_A_DATABASE = 26;
/** No statement of ours is wrong, so an SQLITE_ERROR ("no such column") says that the schema was changed. */
const DAMAGE: readonly number[] = [SQLITE_ERROR, SQLITE_CORRUPT, SQLITE_MISMATCH, SQLITE_NOT_A_DATABASE];

/** Node's code for an integer that no number holds. The store writes none. */
const OUT_OF_RANGE = "ERR_OUT_OF_RANGE";

/** A column holds what the store never puts there. Whoever knows which row it was makes it a `StoreCorruptError`. */
export class UnreadableValueError extends Error {
  override readonly name = "UnreadableValueError";
}

export type DamagedPlace = { readonly table: string; readonly key?: string };

export function storeDamage(
  file: string,
  { table, key }: DamagedPlace,
  what: string,
  cause?: unknown,
): StoreCorruptError {
  const place = key === undefined ? `table ${table}` : `row ${JSON.stringify(key)} of table ${table}`;
  return new StoreCorruptError(
    `The checkpoint store ${file} is damaged: ${place}: ${what}. Keep a copy of the directory, run \`holdfast doctor\` on ` +
      "it, and restore it from a backup",
    { file, table, ...(key === undefined ? {} : { key }) },
    { cause },
  );
}

/** The same error where it is not about damage. */
export function asDamage(error: unknown, file: string, place: DamagedPlace): unknown {
  return isDamage(error) ? storeDamage(file, place, messageOf(error), error) : error;
}

export function isDamage(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof UnreadableValueError) return true;
  if ("errcode" in error && typeof error.errcode === "number") return DAMAGE.includes(error.errcode & 0xff);
  return "code" in error && error.code === OUT_OF_RANGE;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
