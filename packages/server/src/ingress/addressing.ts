/** From the path of a call to the handler it means, at this moment. */
import type { ServiceRow, Tables } from "@holdfast/engine";
import { closestName, HoldfastError, type HandlerManifest } from "@holdfast/protocol";

export type CallAddress = {
  readonly service: string;
  readonly row: ServiceRow;
  readonly handler: HandlerManifest;
  /** "" for plain services. */
  readonly key: string;
  readonly mode: "call" | "send";
};

/**
 * `/{service}/{handler}`, `/{service}/{key}/{handler}`, each with `/send` behind it or not. `hidesPrivate`: what only other
 * handlers may call is as if it were not there.
 */
export function addressOfPath(
  tables: Tables,
  segments: readonly string[],
  hidesPrivate: boolean,
): CallAddress {
  const [service = ""] = segments;
  if (segments.length < 2 || segments.length > 4) throw badPath(segments);
  const row = findService(tables, service, hidesPrivate);
  const length = row.manifest.kind === "service" ? 2 : 3;
  const isSend = segments.length === length + 1 && segments[length] === "send";
  return resolve(row, isSend ? segments.slice(0, -1) : segments, isSend ? "send" : "call", hidesPrivate);
}

/** The path behind `/restate/call` and `/restate/send`, where the last segment is always the handler. */
export function addressOfParts(
  tables: Tables,
  parts: readonly string[],
  mode: "call" | "send",
  hidesPrivate: boolean,
): CallAddress {
  const [service = ""] = parts;
  if (parts.length < 2 || parts.length > 3) throw badPath(parts);
  return resolve(findService(tables, service, hidesPrivate), parts, mode, hidesPrivate);
}

export function findService(tables: Tables, service: string, hidesPrivate = false): ServiceRow {
  const row = tables.service(service);
  if (row !== undefined && !(hidesPrivate && !hasPublicHandler(row))) return row;
  const known = [...tables.services.keys()].filter(
    (name) => !hidesPrivate || hasPublicHandler(tables.service(name)),
  );
  const meant = closestName(service, known);
  throw new HoldfastError(
    "service-not-found",
    { service },
    meant === undefined ? {} : { hint: `Did you mean "${meant}"?` },
  );
}

export function findHandler(row: ServiceRow, handler: string, hidesPrivate = false): HandlerManifest {
  const manifest = row.handlers.get(handler);
  if (manifest !== undefined && !(hidesPrivate && !isPublic(row, manifest))) return manifest;
  const handlers = hidesPrivate ? publicHandlers(row) : [...row.handlers.keys()];
  const meant = closestName(handler, handlers);
  throw new HoldfastError(
    "handler-not-found",
    { service: row.manifest.name, handler, handlers },
    { hint: meant === undefined ? `It has: ${handlers.join(", ")}.` : `Did you mean "${meant}"?` },
  );
}

export function isPublic(row: ServiceRow, handler: HandlerManifest): boolean {
  return !(handler.ingressPrivate ?? row.manifest.ingressPrivate ?? false);
}

/** Asked with every call, so it makes no list. */
export function hasPublicHandler(row: ServiceRow | undefined): boolean {
  if (row === undefined) return false;
  for (const handler of row.handlers.values()) if (isPublic(row, handler)) return true;
  return false;
}

function publicHandlers(row: ServiceRow): readonly string[] {
  return [...row.handlers.values()].filter((handler) => isPublic(row, handler)).map(({ name }) => name);
}

/** Throws `service-private` for what only other handlers may call. */
export function requirePublic(row: ServiceRow, handler: HandlerManifest): void {
  if (isPublic(row, handler)) return;
  throw new HoldfastError("service-private", { service: row.manifest.name, handler: handler.name });
}

/** Throws for keys that an object cannot have. */
export function requireKey(service: string, key: string, bytesMax: number): void {
  if (key === "") throw new HoldfastError("key-missing", { service });
  // A character takes at most three bytes per UTF-16 code unit, so most keys need no counting.
  if (3 * key.length > bytesMax && Buffer.byteLength(key) > bytesMax) {
    const name = "ingress.keyBytesMax";
    const reason = `it is longer than ${bytesMax} bytes, the limit ${name}`;
    throw new HoldfastError("key-invalid", { service, reason, name, limit: bytesMax });
  }
}

function resolve(
  row: ServiceRow,
  parts: readonly string[],
  mode: "call" | "send",
  hidesPrivate: boolean,
): CallAddress {
  const { name: service, kind } = row.manifest;
  if (kind === "service") {
    if (parts.length !== 2) throw keyNotTaken(row, parts, hidesPrivate);
    return { service, row, handler: findHandler(row, parts[1] ?? "", hidesPrivate), key: "", mode };
  }
  if (parts.length === 2) throw new HoldfastError("key-missing", { service });
  const [, key = "", handler = ""] = parts;
  if (parts.length !== 3) throw badPath(parts);
  return { service, row, handler: findHandler(row, handler, hidesPrivate), key, mode };
}

function keyNotTaken(row: ServiceRow, parts: readonly string[], hidesPrivate: boolean): HoldfastError {
  // Of a longer path, say what is wrong with its end rather than that its middle is no handler.
  findHandler(row, parts[1] ?? "", hidesPrivate);
  return new HoldfastError("key-invalid", {
    service: row.manifest.name,
    reason: "it is a plain service and takes no key",
  });
}

function badPath(segments: readonly string[]): HoldfastError {
  const path = `/${segments.join("/")}`;
  return new HoldfastError("path-invalid", { path: path.length > 200 ? `${path.slice(0, 200)}…` : path });
}
