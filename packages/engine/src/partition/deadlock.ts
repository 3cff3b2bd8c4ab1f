/**
 * Waiting in a circle. Whoever is about to close one is told so, with the chain, instead of hanging with everyone in it.
 * An invocation counts as waiting for all that it has called or attached to and not heard of: what its handler does
 * about them is the handler's secret.
 */
import type { Failure } from "@holdfast/protocol";

import { must } from "../assert.ts";
import { DEADLOCK_NAMES_MAX, DEADLOCK_SEARCH_MAX } from "../limits.ts";
import type { Invocation } from "../tables/rows.ts";
import { objectKey, type Tables } from "../tables/tables.ts";

/** Why `caller` cannot wait for `target`: it would wait for itself, through any number of calls, attaches and locks. */
export function findDeadlock(
  tables: Tables,
  caller: Readonly<Invocation>,
  target: Readonly<Invocation>,
  verb: "calls" | "attaches to",
): Failure | undefined {
  const chain = findChain(tables, caller.id, target);
  if (chain === undefined) return undefined;
  const message = `Deadlock: ${describeChain(tables, chain, target, verb)}`;
  return { code: 409, message, metadata: [["holdfast.code", "deadlock"]] };
}

/** Whether `id` does not get on before `caller` does: it is the caller, or waits for it through any number of others. */
export function isHeldUpBy(tables: Tables, id: string, caller: string): boolean {
  const row = tables.invocations.get(id);
  return row !== undefined && findChain(tables, caller, row) !== undefined;
}

/** Who waits for whom, from the target to the caller. */
function findChain(tables: Tables, caller: string, target: Readonly<Invocation>): string[] | undefined {
  const cameFrom = new Map<string, string>([[target.id, ""]]);
  const frontier = [target.id];
  for (let id = frontier.pop(); id !== undefined; id = frontier.pop()) {
    if (id === caller) return chainTo(cameFrom, id);
    if (cameFrom.size > DEADLOCK_SEARCH_MAX) return undefined;
    const row = tables.invocations.get(id);
    if (row === undefined) continue;
    for (const next of waitsFor(tables, row)) {
      if (cameFrom.has(next)) continue;
      cameFrom.set(next, id);
      frontier.push(next);
    }
  }
  return undefined;
}

/** What an invocation waits for to get on: the holder of the lock it needs, or what it called and attached to. */
function waitsFor(tables: Tables, row: Readonly<Invocation>): string[] {
  if (needsLock(row)) {
    const holder = tables.objects.get(objectKey(row.target.service, row.target.key))?.holder;
    return holder === undefined ? [] : [holder];
  }
  const targets: string[] = [];
  for (const operation of row.open.values()) {
    if (operation.kind === "call" || operation.kind === "attach") targets.push(operation.detail);
  }
  return targets;
}

/** One that is scheduled will need it too, and a holder that waits for it does not give it back before. */
function needsLock({ status, target }: Readonly<Invocation>): boolean {
  return target.kind === "exclusive" && (status === "queued" || status === "scheduled");
}

function chainTo(cameFrom: ReadonlyMap<string, string>, last: string): string[] {
  const ids: string[] = [];
  for (let id = last; id !== ""; id = cameFrom.get(id) ?? "") ids.push(id);
  return ids.reverse();
}

function describeChain(
  tables: Tables,
  chain: readonly string[],
  target: Readonly<Invocation>,
  verb: string,
): string {
  const names = chain.map((id) => describe(must(tables.invocations.get(id), "deadlock chain")));
  const [first = "", second = ""] = names;
  if (chain.length === 1) return `${first} ${verb} itself`;
  const isLock = needsLock(target);
  const wanted = isLock ? `${target.target.service}/${target.target.key}` : first;
  if (isLock && chain.length === 2) {
    return `${second} ${verb} an exclusive handler of ${wanted}, whose lock it holds itself. Use ctx.send, a shared handler, or a plain function`;
  }
  const links = shorten(names.slice(1)).join(", which waits for ");
  return `${wanted} ${isLock ? "is held by" : "waits for"} ${links}, which now ${verb} ${wanted}. Use ctx.send for one of these calls`;
}

function describe(row: Readonly<Invocation>): string {
  const { service, key, handler } = row.target;
  return `${service}${key === "" ? "" : `/${key}`}/${handler} (${row.id})`;
}

/** The ends of a long chain say what there is to say. */
function shorten(names: readonly string[]): readonly string[] {
  if (names.length <= DEADLOCK_NAMES_MAX) return names;
  const half = Math.floor(DEADLOCK_NAMES_MAX / 2);
  const left = names.length - 2 * half;
  return [...names.slice(0, half), `${left} more`, ...names.slice(-half)];
}
