/** Where a host name leads. */
export interface Route {
  readonly deployment: string;
  /** Grows with each switch of the host name. */
  readonly version: number;
}

/** What the edge answered for a host name. */
export interface EdgeAnswer {
  readonly status: number;
  readonly deployment: string;
}

/** The public side. Its routes are a copy; the domain objects hold the truth. */
export interface Edge {
  /** Sends requests for `host` to a deployment, or to none. A lower version than before is ignored. */
  route(host: string, route: { readonly deployment: string | undefined; readonly version: number }): void;
  /** Asks for the host name's front page as a visitor would. Throws when no instance answered. */
  visit(host: string, signal: AbortSignal): Promise<EdgeAnswer>;
}
