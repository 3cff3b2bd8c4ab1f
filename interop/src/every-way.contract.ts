/** The same tests of the SDK for TypeScript, however its handlers are reached. */
import { describe } from "node:test";

import type { EndpointOptions } from "@restatedev/restate-sdk";

import { serveOverHttp1, serveOverHttp2 } from "./restate-endpoint.ts";
import { MODES, OVER_HTTP1, REQUEST_BY_REQUEST, suiteTitle, type Mode } from "./suite-titles.ts";
import { World, type WorldOptions } from "./world.contract.ts";

/** Opens an engine of one test, which has registered the services. */
export type Open = (settings?: WorldOptions["settings"]) => Promise<World>;

export function inEveryWay(
  about: string,
  services: EndpointOptions["services"],
  tests: (open: Open, mode: Mode) => void,
): void {
  const ways = [
    ...MODES.map((mode) => ({ mode, column: "TypeScript", serve: serveOverHttp2 })),
    { mode: REQUEST_BY_REQUEST, column: OVER_HTTP1, serve: serveOverHttp1 },
  ];
  for (const { mode, column, serve } of ways) {
    const { inactivityTimeoutMs } = mode;
    describe(`${suiteTitle(column, mode)}: ${about}`, () => {
      const open: Open = async (settings = {}) =>
        World.open([await serve({ services })], { settings: { inactivityTimeoutMs, ...settings } });
      tests(open, mode);
    });
  }
}
