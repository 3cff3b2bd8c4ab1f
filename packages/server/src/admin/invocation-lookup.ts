/** Finding one invocation by its id or by the beginning of its id. */
import type { Invocation } from "@holdfast/engine";
import { HoldfastError, parseInvocationId } from "@holdfast/protocol";

import type { EngineAccess } from "../partition/engine-access.ts";
import { findInvocations } from "./invocation-search.ts";
import { targetText } from "./invocation-view.ts";

const ID_LENGTH = 38;
const CANDIDATES_SHOWN = 5;
const PREFIX = /^inv_1[0-9A-Za-z]*$/;

/** Throws `invocation-id-invalid`, `invocation-not-found` or `invocation-id-ambiguous`. */
export function requireInvocation(engine: EngineAccess, given: string): Readonly<Invocation> {
  const invocationId = given.slice(0, 100);
  if (given.length < ID_LENGTH ? !PREFIX.test(given) : parseInvocationId(given) === undefined) {
    throw new HoldfastError("invocation-id-invalid", { invocationId });
  }
  if (given.length === ID_LENGTH) {
    const row = engine.tables.invocations.get(given);
    if (row === undefined) throw new HoldfastError("invocation-not-found", { invocationId });
    return row;
  }
  const { rows } = findInvocations(engine, { idPrefix: given }, CANDIDATES_SHOWN + 1, undefined);
  const [row, other] = rows;
  if (row === undefined) throw new HoldfastError("invocation-not-found", { invocationId });
  if (other === undefined) return row;
  throw new HoldfastError("invocation-id-ambiguous", {
    prefix: given,
    candidates: rows
      .slice(0, CANDIDATES_SHOWN)
      .map(({ id, target, status }) => ({ id, target: targetText(target), status })),
  });
}
