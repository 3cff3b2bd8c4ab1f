/** `POST /services/{service}/state` in Restate's form: replaces all that an object or workflow remembers. */
import { HoldfastError } from "@holdfast/protocol";

import { invalid, list, record, required, text, type Field } from "../../http/json-request.ts";
import { findService, requireKey } from "../../ingress/addressing.ts";
import { refusalOf } from "../../ingress/outcome.ts";
import { param } from "../exchange.ts";
import type { RestateAnswer, RestateExchange } from "./exchange.ts";
import { notOffered } from "./not-offered.ts";
import { readRequest } from "./request.ts";

/** Of the record: whatever version the state has. */
const ANY_VERSION = -1;
const BYTE_MAX = 255;

/** Unlike Restate it does so before it answers, so that what is refused can be told. */
export async function modifyState(exchange: RestateExchange): Promise<RestateAnswer> {
  const { engine, settings } = exchange;
  const service = param(exchange, "service");
  if (findService(engine.tables, service).manifest.kind === "service")
    throw new HoldfastError("state-not-allowed", { service, reason: "it is a plain service" });
  const given = readRequest(
    exchange,
    { object_key: text, scope: text, version: text, new_state: record(bytes) },
    (fields) => ({
      ...fields,
      key: required(fields.object_key, "object_key"),
      entries: required(fields.new_state, "new_state"),
    }),
  );
  if (given.scope !== undefined) throw notOffered("scopes");
  const { key, entries } = given;
  requireKey(service, key, settings.keyBytesMax);
  const outcome = await engine.propose({
    kind: "patch-state",
    service,
    key,
    expectedVersion: given.version === undefined ? ANY_VERSION : versionOf(given.version),
    entries: [...entries],
  });
  if (!outcome.ok) throw refusalOf(outcome, { service, key });
  return { status: 202 };
}

/** Restate's clients compute a version from the contents. One that means nothing here must not pass for one that fits. */
function versionOf(given: string): number {
  const version = /^\d{1,15}$/.test(given) ? Number(given) : Number.NaN;
  if (Number.isNaN(version)) {
    throw invalid(
      '"version" must be the number that GET /services/{service}/state/{key} shows; leave it out to replace whatever is there',
      { field: "version" },
    );
  }
  return version;
}

const bytes: Field<Uint8Array> = (value, path) => Uint8Array.from(list(byte)(value, path));

const byte: Field<number> = (value, path) => {
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= BYTE_MAX) return value;
  throw invalid(`"${path}" must be a whole number from 0 to ${BYTE_MAX}`, { field: path });
};
