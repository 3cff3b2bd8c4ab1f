import type { RestateRoute } from "./exchange.ts";
/** What Restate has and this server has not: told so, in words, rather than by a path that is not found. */
import { RestateRefusal } from "./refusal.ts";

const NOT_IMPLEMENTED = 501;

export function notOffered(what: string): RestateRefusal {
  return new RestateRefusal(
    NOT_IMPLEMENTED,
    `This server does not offer ${what}. docs/restate-admin.md says what it offers instead`,
  );
}

export function refuses(what: string): RestateRoute {
  return () => {
    throw notOffered(what);
  };
}
