/**
 * Whose an invocation is, where callers have names: of the principal who called, or whose call led to it. Workflows and
 * objects are everyone's who may call them, as their keys are.
 */
import type { Invocation, Tables } from "@holdfast/engine";

import { isPublic } from "./addressing.ts";

/** Calls of calls: deeper, nobody is found. */
const DEPTH_MAX = 100;

/**
 * Whether somebody may have an invocation's result: for whoever may call the handler, and its own results only. `principal`
 * undefined: callers have no names, and an id is all it takes.
 */
export function mayRead(tables: Tables, row: Readonly<Invocation>, principal: string | undefined): boolean {
  if (principal === undefined) return true;
  const { service, handler, kind } = row.target;
  const known = tables.service(service);
  const manifest = known?.handlers.get(handler);
  if (known === undefined || manifest === undefined || !isPublic(known, manifest)) return false;
  return kind === "run" || ownerOf(tables, row) === principal;
}

/** The principal at the beginning of a chain of calls; undefined when that is not known any more, or never was. */
function ownerOf(tables: Tables, row: Readonly<Invocation>): string | undefined {
  let present: Readonly<Invocation> | undefined = row;
  for (let depth = 0; present !== undefined && depth < DEPTH_MAX; depth++) {
    const { kind, id }: Invocation["source"] = present.source;
    if (kind === "ingress") return id === "" ? undefined : id;
    present = tables.invocations.get(id);
  }
  return undefined;
}
