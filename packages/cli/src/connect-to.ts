import { connect, type Client } from "@holdfast/client";

import { usageError } from "./cli-error.ts";
import type { ConnectionValues } from "./command.ts";
import type { Environment } from "./environment.ts";
import { httpFetch } from "./http-fetch.ts";

/** A client of the server that the options, the environment or the defaults name. */
export function connectTo(options: ConnectionValues, environment: Environment): Client {
  const { HOLDFAST_ADMIN_URL, HOLDFAST_INGRESS_URL, HOLDFAST_TOKEN, HOLDFAST_CALLER_TOKEN } =
    environment.variables;
  const url = address(options["ingress-url"], HOLDFAST_INGRESS_URL, "ingress-url");
  const adminUrl = address(options["admin-url"], HOLDFAST_ADMIN_URL, "admin-url");
  const adminToken = HOLDFAST_TOKEN ?? "";
  const token = HOLDFAST_CALLER_TOKEN ?? "";
  return connect({
    ...(url === undefined ? {} : { url }),
    ...(adminUrl === undefined ? {} : { adminUrl }),
    ...(token === "" ? {} : { token }),
    ...(adminToken === "" ? {} : { adminToken }),
    fetch: httpFetch,
  });
}

function address(
  option: string | undefined,
  variable: string | undefined,
  name: "ingress-url" | "admin-url",
): string | undefined {
  const given = option ?? (variable === "" ? undefined : variable);
  if (given === undefined) return undefined;
  const url = URL.parse(given);
  if (url?.protocol === "http:" || url?.protocol === "https:") return given;
  const where = option === undefined ? `HOLDFAST_${name.toUpperCase().replace("-", "_")}` : `--${name}`;
  throw usageError(`${where} is "${given}", which is no http address`, {
    hint: "Write it with its scheme, such as http://localhost:9070.",
  });
}
