/** `/services/{service}/state`: what objects and workflows remember, for reading and for repair. */
import { objectKey, splitObjectKey, type ObjectRow } from "@holdfast/engine";
import {
  HoldfastError,
  type StateChangeResponse,
  type StateInfo,
  type StateKeyInfo,
} from "@holdfast/protocol";

import { anything, count, invalid, list, readFields, record, text } from "../http/json-request.ts";
import { decodeUtf8 } from "../http/strict-json.ts";
import { findService, requireKey } from "../ingress/addressing.ts";
import { refusalOf } from "../ingress/outcome.ts";
import { jsonOf, param, queryCount, readQuery, type AdminAnswer, type AdminExchange } from "./exchange.ts";

type Entries = ReadonlyMap<string, Uint8Array>;
type Address = { readonly service: string; readonly key: string };

const PAGE_DEFAULT = 100;
const PAGE_MAX = 1_000;
/** How often a change of some keys is computed anew because the state changed meanwhile. */
const TRIES_MAX = 5;
/** The log holds a version as one more than it is, and the largest whole number has no room for that. */
const STATE_VERSION_MAX = Number.MAX_SAFE_INTEGER - 1;
/** Field under which bytes that are no JSON are shown and given. */
const RAW_FIELD = "$raw";

export function listState(exchange: AdminExchange): AdminAnswer {
  const service = param(exchange, "service");
  const { limit, cursor } = readQuery(exchange, "limit", "cursor");
  requireState(exchange, service);
  const pageSize = Math.max(1, queryCount(limit, "limit", PAGE_DEFAULT, PAGE_MAX));
  // Just behind the last key of the page before: no text lies between it and the same text with a NUL appended.
  const from = cursor === undefined ? objectKey(service, "") : `${objectKey(service, cursor)}\u0000`;
  const rows = exchange.engine.tables.objects.scan(from, objectKey(service, "\uffff"), pageSize + 1);
  const page = rows.slice(0, pageSize);
  const last = rows.length > pageSize ? page.at(-1) : undefined;
  const items = page.map(([objectKeyText, row]) => keyInfo(splitObjectKey(objectKeyText).key, row));
  return { body: { items, ...(last === undefined ? {} : { nextCursor: splitObjectKey(last[0]).key }) } };
}

export function getState(exchange: AdminExchange): AdminAnswer {
  readQuery(exchange);
  const address = requireAddress(exchange);
  const row = stateRow(exchange, address);
  const body: StateInfo = {
    ...address,
    version: row?.stateVersion ?? 0,
    entries: Object.fromEntries([...(row?.state ?? [])].map(([name, value]) => [name, shown(value)])),
    ...(row?.holder === undefined ? {} : { lockedBy: row.holder }),
    queued: row?.inboxLength ?? 0,
  };
  return { body };
}

export function putState(exchange: AdminExchange): Promise<AdminAnswer> {
  const address = requireAddress(exchange);
  readQuery(exchange);
  const given = readFields(jsonOf(exchange), { expectedVersion: stateVersion, entries: record(anything) });
  if (given.entries === undefined) throw invalid('"entries" is missing');
  const entries = encodeEntries(given.entries);
  return change(exchange, address, given.expectedVersion, () => entries);
}

export function patchState(exchange: AdminExchange): Promise<AdminAnswer> {
  const address = requireAddress(exchange);
  readQuery(exchange);
  const given = readFields(jsonOf(exchange), {
    expectedVersion: stateVersion,
    entries: record(anything),
    remove: list(text),
  });
  const entries = encodeEntries(given.entries ?? new Map());
  const remove = new Set(given.remove);
  if (entries.size + remove.size === 0)
    throw invalid('"entries" and "remove" are missing: nothing would change');
  return change(exchange, address, given.expectedVersion, (present) => {
    const next = new Map([...present].filter(([name]) => !remove.has(name)));
    for (const [name, value] of entries) next.set(name, value);
    return next;
  });
}

export function clearState(exchange: AdminExchange): Promise<AdminAnswer> {
  const address = requireAddress(exchange);
  const { expectedVersion } = readQuery(exchange, "expectedVersion");
  const version =
    expectedVersion === undefined
      ? undefined
      : queryCount(expectedVersion, "expectedVersion", 0, STATE_VERSION_MAX);
  return change(exchange, address, version, () => new Map());
}

function stateVersion(value: unknown, path: string): number {
  const version = count(value, path);
  if (version > STATE_VERSION_MAX) throw invalid(`"${path}" is larger than any version`, { field: path });
  return version;
}

/** Computes the new state from the present one and proposes it for exactly that version. */
async function change(
  exchange: AdminExchange,
  address: Address,
  expectedVersion: number | undefined,
  next: (present: Entries) => Entries,
): Promise<AdminAnswer> {
  const { engine } = exchange;
  for (let tries = 1; ; tries++) {
    const row = stateRow(exchange, address);
    const version = expectedVersion ?? row?.stateVersion ?? 0;
    const entries = [...next(row?.state ?? new Map())];
    const outcome = await engine.propose({
      kind: "patch-state",
      ...address,
      expectedVersion: version,
      entries,
    });
    if (outcome.ok) {
      const body: StateChangeResponse = { version: outcome.detail?.version ?? version + 1 };
      return { body };
    }
    const mayTryAgain = outcome.code === "state-version-conflict" && expectedVersion === undefined;
    if (mayTryAgain && tries < TRIES_MAX) continue;
    throw refusalOf(outcome, { ...address, version });
  }
}

function requireAddress(exchange: AdminExchange): Address {
  const service = param(exchange, "service");
  const key = param(exchange, "key");
  requireState(exchange, service);
  requireKey(service, key, exchange.settings.keyBytesMax);
  return { service, key };
}

function requireState(exchange: AdminExchange, service: string): void {
  if (findService(exchange.engine.tables, service).manifest.kind !== "service") return;
  throw new HoldfastError("state-not-allowed", { service, reason: "it is a plain service" });
}

function stateRow(exchange: AdminExchange, { service, key }: Address): Readonly<ObjectRow> | undefined {
  return exchange.engine.tables.objects.get(objectKey(service, key));
}

function keyInfo(key: string, row: Readonly<ObjectRow>): StateKeyInfo {
  return {
    key,
    version: row.stateVersion,
    entries: row.state.size,
    bytes: row.stateBytes,
    ...(row.holder === undefined ? {} : { lockedBy: row.holder }),
    queued: row.inboxLength,
  };
}

function shown(value: Uint8Array): unknown {
  const decoded = decodeUtf8(value);
  if (decoded !== undefined) {
    try {
      return JSON.parse(decoded);
    } catch {
      // Shown raw: written by an SDK that does not store JSON.
    }
  }
  return { [RAW_FIELD]: Buffer.from(value).toString("base64") };
}

function encodeEntries(entries: ReadonlyMap<string, unknown>): Entries {
  return new Map([...entries].map(([name, value]) => [name, encode(value)]));
}

function encode(value: unknown): Uint8Array {
  if (typeof value === "object" && value !== null && Object.keys(value).length === 1 && RAW_FIELD in value) {
    return Buffer.from(text(value[RAW_FIELD], RAW_FIELD), "base64");
  }
  return Buffer.from(JSON.stringify(value));
}
