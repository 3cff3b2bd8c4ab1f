import { request } from "node:http";

import type { Address } from "../ports/region.ts";

const PROBE_TIMEOUT_MS = 2_000;
const STATUS_NOT_FOUND = 404;
const STATUS_SERVER_ERROR = 500;
/** A server that listens on "localhost" may have chosen either. */
const LOOPBACKS = ["127.0.0.1", "::1"];

export type ProbeResult =
  | { readonly kind: "healthy"; readonly address: Address }
  | { readonly kind: "unhealthy"; readonly reason: string };

/** Asks once: /healthz, or the front page where there is no /healthz. Any answer below 500 counts. */
export async function probe(port: number, hostHeader: string): Promise<ProbeResult> {
  let reason = `nothing listens on port ${port}, which its environment variable PORT names`;
  for (const host of LOOPBACKS) {
    const status = await ask({ host, port }, hostHeader);
    if (typeof status === "number" && status < STATUS_SERVER_ERROR) {
      return { kind: "healthy", address: { host, port } };
    }
    if (typeof status === "number") reason = `it answers its health check with ${status}`;
    else if (status !== "ECONNREFUSED" && host === LOOPBACKS[0]) {
      reason = `it does not answer its health check (${status})`;
    }
  }
  return { kind: "unhealthy", reason };
}

async function ask(address: Address, hostHeader: string): Promise<number | string> {
  const status = await get(address, "/healthz", hostHeader);
  return status === STATUS_NOT_FOUND ? get(address, "/", hostHeader) : status;
}

/** The status, or the code of the error. */
function get({ host, port }: Address, path: string, hostHeader: string): Promise<number | string> {
  return new Promise((resolve) => {
    const asked = request({
      host,
      port,
      path,
      headers: { host: hostHeader },
      agent: false,
      signal: AbortSignal.timeout(PROBE_TIMEOUT_MS),
    });
    asked.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    asked.once("response", (response) => {
      response.on("error", () => undefined); // The body does not matter, the status has arrived.
      response.resume();
      resolve(response.statusCode ?? STATUS_SERVER_ERROR);
    });
    asked.end();
  });
}
