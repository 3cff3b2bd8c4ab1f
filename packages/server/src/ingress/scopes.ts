/** Scopes and their limits, which Restate's clients may ask for: refused, since a call that asks to be held back must not run at once. */
import { HoldfastError, IngressHeader } from "@holdfast/protocol";

import type { HttpRequest } from "../http/exchange.ts";

export function refuseLimitKey(req: HttpRequest, query: string): void {
  if (req.headers[IngressHeader.limitKey] !== undefined)
    throw scopesUnsupported(`the header ${IngressHeader.limitKey}`);
  if (query !== "" && new URLSearchParams(query).has("limit-key"))
    throw scopesUnsupported('the query parameter "limit-key"');
}

export function scopesUnsupported(what: string): HoldfastError {
  return new HoldfastError("scopes-unsupported", { what });
}
