/**
 * Handlers that are called by code which their own definition needs: a domain schedules removals, and a removal asks the
 * domain. Each is written down here once, and `services.test.ts` holds it against the definition.
 */
import type { HandlerRef } from "@holdfast/sdk";

export interface Removal {
  readonly deployment: string;
  readonly host: string;
}

function reference<Args extends readonly unknown[], Output>(
  service: string,
  handler: string,
  kind: HandlerRef<Args, Output>["kind"],
): HandlerRef<Args, Output> {
  const address: Omit<HandlerRef<Args, Output>, "~args" | "~output"> = { service, handler, kind };
  return address as HandlerRef<Args, Output>;
}

export const cleanupRemove = reference<[input: Removal], void>("cleanup", "remove", "plain");
