/**
 * The tables of a partition as text, field by field: to compare two instances, and to show what a record changed.
 * Where entries of a journal lie (memory or store) is not part of it.
 */
import type { DeploymentRow, Invocation, JournalEntry } from "../tables/rows.ts";
import type { Tables } from "../tables/tables.ts";
import { describeEntry, describeValue, shortTimer } from "./describe.ts";

/** Fields of a row by path, e.g. "open.2.kind". */
type FieldTexts = ReadonlyMap<string, string>;
/** Rows by "table key". */
export type Dump = ReadonlyMap<string, FieldTexts>;

export function dumpTables(tables: Tables): Dump {
  const dump = new Map<string, FieldTexts>();
  dump.set("meta", flatten(tables.meta));
  for (const [id, row] of sorted(tables.deployments.all()))
    dump.set(`deployment ${id}`, flatten(withoutNone(row)));
  for (const [id, row] of sorted(tables.invocations.all())) {
    dump.set(`invocation ${id}`, flatten(withoutPlaces(row)));
    dump.set(`journal ${id}`, describeJournal(tables.journal(row)));
  }
  for (const [key, row] of sorted(tables.objects.all())) dump.set(`object ${readable(key)}`, flatten(row));
  for (const [key, row] of sorted(tables.inbox.all())) dump.set(`inbox ${readable(key)}`, flatten(row));
  for (const [key, row] of sorted(tables.timers.all())) dump.set(`timer ${shortTimer(key)}`, flatten(row));
  return dump;
}

/** As long as nothing is overridden there is nothing to show of it. */
function withoutNone(row: Readonly<DeploymentRow>): object {
  const { overrides, ...rest } = row;
  return Object.keys(overrides).length === 0 ? rest : row;
}

function describeJournal(entries: readonly JournalEntry[]): FieldTexts {
  return new Map(
    entries.flatMap((entry, index) => [
      [String(index), describeEntry(entry)] as const,
      [`${index} origin`, `at ${entry.at} attempt ${entry.attempt} deployment ${entry.deployment}`] as const,
    ]),
  );
}

function withoutPlaces(row: Readonly<Invocation>): object {
  const { tail: _tail, storing: _storing, chunks: _chunks, ...fields } = row;
  return fields;
}

function readable(key: string): string {
  return key.replaceAll("\u0000", "/");
}

function sorted<Row>(rows: Iterable<readonly [string, Row]>): Array<readonly [string, Row]> {
  return [...rows].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}

/** A row's fields; maps, sets and lists among them entry by entry, everything deeper as one text. */
function flatten(row: object): FieldTexts {
  const fields = new Map<string, string>();
  for (const [name, field] of Object.entries(row)) {
    if (!isCollection(field)) fields.set(name, describeValue(field));
    else for (const [key, each] of entriesOf(field)) fields.set(`${name}.${key}`, describeValue(each));
  }
  return fields;
}

type Collection = ReadonlyMap<unknown, unknown> | ReadonlySet<unknown> | readonly unknown[];

function isCollection(field: unknown): field is Collection {
  return field instanceof Map || field instanceof Set || Array.isArray(field);
}

function entriesOf(field: Collection): Array<readonly [string, unknown]> {
  if (field instanceof Set) return [...field].map((each) => [String(each), true] as const);
  return [...field.entries()].map(([key, each]) => [String(key), each] as const);
}

export type DumpDifference = {
  readonly row: string;
  readonly field: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
};

export function differences(before: Dump, after: Dump): DumpDifference[] {
  const found: DumpDifference[] = [];
  const empty: FieldTexts = new Map();
  for (const row of new Set([...before.keys(), ...after.keys()])) {
    const old = before.get(row) ?? empty;
    const now = after.get(row) ?? empty;
    for (const field of new Set([...old.keys(), ...now.keys()])) {
      if (old.get(field) !== now.get(field)) {
        found.push({ row, field, before: old.get(field), after: now.get(field) });
      }
    }
  }
  return found;
}
