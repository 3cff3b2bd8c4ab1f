/** Which invocations a command is about: ids, beginnings of ids, or an address and filters. */
import type { Client } from "@holdfast/client";
import type { InvocationFilter, ServiceInfo } from "@holdfast/protocol";

import { usageError } from "../cli-error.ts";
import { filterOf, type FilterValues } from "./filter-options.ts";

export type Selection =
  | { readonly kind: "ids"; readonly ids: readonly string[] }
  | { readonly kind: "filter"; readonly filter: InvocationFilter };

const ID_PREFIX = "inv_";

export const ADDRESS_HELP =
  "id or beginning of one (inv_1…), or service, service/handler, service/key, service/key/handler";

export async function selectionOf(
  args: readonly string[],
  options: FilterValues,
  scope: { readonly client: Client; readonly now: number },
): Promise<Selection> {
  const filter = filterOf(options, scope.now);
  const ids = args.filter((arg) => arg.startsWith(ID_PREFIX));
  const [address, other] = args.filter((arg) => !arg.startsWith(ID_PREFIX));
  if (ids.length > 0) {
    if (address !== undefined) throw mixed(`"${address}"`);
    const [option] = Object.keys(filter);
    if (option !== undefined) throw mixed(`--${option}`);
    return { kind: "ids", ids: [...new Set(ids)] };
  }
  if (other !== undefined) {
    throw usageError(`"${address}" and "${other}" are two addresses`, {
      hint: "Give one address at a time, or several ids.",
    });
  }
  if (address === undefined) return { kind: "filter", filter };
  return { kind: "filter", filter: merged(await addressFilter(address, scope.client), filter) };
}

/** What an address means depends on the service: a plain one has no keys, and a key may be called like a handler. */
async function addressFilter(address: string, client: Client): Promise<InvocationFilter> {
  const [service = "", ...rest] = address.split("/");
  if (service === "" || rest.at(-1) === "") throw badAddress(address);
  if (rest.length === 0) return { service };
  return targetFilter(await client.admin.services.get(service), rest);
}

/** The last part is the handler if there is one of that name; what stands before it is the key, slashes included. */
export function targetFilter(info: ServiceInfo, rest: readonly string[]): InvocationFilter {
  const { name: service, kind } = info;
  const last = rest.at(-1) ?? "";
  const isHandler = info.handlers.some(({ name }) => name === last);
  if (kind === "service") {
    if (rest.length === 1 && isHandler) return { service, handler: last };
    throw usageError(`Service "${service}" has no handler "${rest.join("/")}"`, {
      meant: { word: rest.join("/"), candidates: info.handlers.map(({ name }) => name) },
      hint: `It has: ${info.handlers.map(({ name }) => name).join(", ")}. A plain service has no keys.`,
    });
  }
  if (!isHandler) return { service, key: rest.join("/") };
  if (rest.length === 1) return { service, handler: last };
  return { service, key: rest.slice(0, -1).join("/"), handler: last };
}

function merged(address: InvocationFilter, options: InvocationFilter): InvocationFilter {
  for (const name of ["service", "handler", "key"] as const) {
    if (address[name] === undefined || options[name] === undefined) continue;
    throw usageError(`The address says the ${name} already, and --${name} says it again`, {
      hint: `Leave --${name} out.`,
    });
  }
  return { ...address, ...options };
}

function mixed(what: string): Error {
  return usageError(`Ids select single invocations, and ${what} selects others`, {
    hint: "Give either ids, or an address with filters.",
  });
}

function badAddress(address: string): Error {
  return usageError(`"${address}" is no address`, { hint: `Give an ${ADDRESS_HELP}.` });
}
