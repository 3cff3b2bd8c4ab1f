import type { Route } from "../ports/edge.ts";
import type { Address, Region } from "../ports/region.ts";

/** A healthy instance that a request can go to. */
export interface Upstream {
  readonly region: string;
  readonly deployment: string;
  readonly address: Address;
}

/** Where host names lead, and by which instances. A copy of what the domain objects and the regions say. */
export class RouteTable {
  readonly #regions: readonly Region[];
  readonly #routes = new Map<string, { readonly deployment: string | undefined; readonly version: number }>();
  /** Requests so far, so that regions take turns. */
  #turns = 0;

  constructor(regions: readonly Region[]) {
    this.#regions = regions;
  }

  set(host: string, route: { readonly deployment: string | undefined; readonly version: number }): void {
    // News of two switches may overtake each other on the way here.
    if ((this.#routes.get(host)?.version ?? 0) <= route.version) this.#routes.set(host, route);
  }

  route(host: string): Route | undefined {
    const route = this.#routes.get(host);
    return route?.deployment === undefined
      ? undefined
      : { deployment: route.deployment, version: route.version };
  }

  hosts(): readonly string[] {
    return [...this.#routes.keys()].filter((host) => this.route(host) !== undefined).toSorted();
  }

  /** The healthy instances behind a host name, the one whose turn it is first. */
  upstreams(host: string): readonly Upstream[] {
    const route = this.route(host);
    if (route === undefined) return [];
    const healthy = this.#regions.flatMap((region) =>
      region.list().flatMap(({ deployment, status, address }) => {
        if (deployment !== route.deployment || status !== "healthy" || address === undefined) return [];
        return [{ region: region.name, deployment, address }];
      }),
    );
    this.#turns += 1;
    const first = this.#turns % Math.max(1, healthy.length);
    return [...healthy.slice(first), ...healthy.slice(0, first)];
  }

  /** For a page that has to say why there is nothing: what the regions say about the host name's instances. */
  describe(host: string): string {
    const deployment = this.route(host)?.deployment;
    const states = this.#regions.map((region) => {
      const instance = region.list().find((each) => each.deployment === deployment);
      return `${region.name}: ${instance?.status ?? "nothing runs"}`;
    });
    return states.join(", ");
  }
}
