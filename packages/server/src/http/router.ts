/** Paths with parameters, for APIs whose speed does not matter. The ingress routes by hand. */
import { HoldfastError } from "@holdfast/protocol";

import { pathNotFound } from "./request-path.ts";

export type Params = Readonly<Record<string, string>>;

type Route<Handler> = {
  readonly methods: readonly string[];
  /** A segment that begins with ":" takes any text. */
  readonly segments: readonly string[];
  readonly handler: Handler;
};

export class Router<Handler> {
  readonly #routes: Array<Route<Handler>> = [];

  /** `pattern` like "/services/:name". Of two that match, the one that was added first wins. */
  on(methods: string, pattern: string, handler: Handler): this {
    this.#routes.push({ methods: methods.split(" "), segments: pattern.slice(1).split("/"), handler });
    return this;
  }

  /** Every route as it is documented: "GET /services/{name}", under the first of its methods. */
  get documented(): readonly string[] {
    return this.#routes.map(({ methods, segments }) => {
      const path = segments.map((segment) => segment.replace(/^:(.*)/, "{$1}")).join("/");
      return `${methods[0]} /${path}`;
    });
  }

  /** Throws `not-found` or `method-not-allowed`. */
  find(method: string, segments: readonly string[]): { readonly handler: Handler; readonly params: Params } {
    const allowed = new Set<string>();
    for (const route of this.#routes) {
      const params = match(route.segments, segments);
      if (params === undefined) continue;
      if (route.methods.includes(method)) return { handler: route.handler, params };
      for (const other of route.methods) allowed.add(other);
    }
    if (allowed.size === 0) throw pathNotFound(segments);
    throw new HoldfastError("method-not-allowed", { method, allow: [...allowed] });
  }
}

function match(pattern: readonly string[], segments: readonly string[]): Params | undefined {
  if (pattern.length !== segments.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, expected] of pattern.entries()) {
    const segment = segments[index] ?? "";
    if (expected.startsWith(":")) params[expected.slice(1)] = segment;
    else if (segment !== expected) return undefined;
  }
  return params;
}
