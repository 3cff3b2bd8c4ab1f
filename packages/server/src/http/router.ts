/** Paths with parameters, for APIs whose speed does not matter. The ingress routes by hand. */
import { HoldfastError } from "@holdfast/protocol";

import { pathNotFound } from "./request-path.ts";

export type Params = Readonly<Record<string, string>>;

type Route<Handler> = {
  readonly methods: readonly string[];
  /** A segment that begins with ":" takes any text, a last one that begins with "*" all that is left of the path. */
  readonly segments: readonly string[];
  readonly handler: Handler;
};

export type Found<Handler> = { readonly handler: Handler; readonly params: Params };

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
      const path = segments.map((segment) => segment.replace(/^[:*](.*)/, "{$1}")).join("/");
      return `${methods[0]} /${path}`;
    });
  }

  /** Throws `not-found` or `method-not-allowed`. */
  find(method: string, segments: readonly string[]): Found<Handler> {
    const found = this.peek(method, segments);
    if (found !== undefined) return found;
    throw refusalOfPath(method, segments, this.methodsOf(segments));
  }

  peek(method: string, segments: readonly string[]): Found<Handler> | undefined {
    for (const route of this.#routes) {
      if (!route.methods.includes(method)) continue;
      const params = match(route.segments, segments);
      if (params !== undefined) return { handler: route.handler, params };
    }
    return undefined;
  }

  /** What can be done with a path; nothing: there is no such path. */
  methodsOf(segments: readonly string[]): readonly string[] {
    const routes = this.#routes.filter((route) => match(route.segments, segments) !== undefined);
    return routes.flatMap(({ methods }) => methods);
  }
}

export function refusalOfPath(
  method: string,
  segments: readonly string[],
  allowed: readonly string[],
): HoldfastError {
  if (allowed.length === 0) return pathNotFound(segments);
  return new HoldfastError("method-not-allowed", { method, allow: [...new Set(allowed)] });
}

function match(pattern: readonly string[], segments: readonly string[]): Params | undefined {
  const rest = pattern.at(-1)?.startsWith("*") === true ? segments.slice(pattern.length - 1) : [];
  const length = rest.length > 0 ? pattern.length + rest.length - 1 : pattern.length;
  if (length !== segments.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, expected] of pattern.entries()) {
    const segment = segments[index] ?? "";
    if (expected.startsWith("*")) params[expected.slice(1)] = rest.join("/");
    else if (expected.startsWith(":")) params[expected.slice(1)] = segment;
    else if (segment !== expected) return undefined;
  }
  return params;
}
