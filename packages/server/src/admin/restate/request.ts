/** Reading what clients of Restate send. Newer ones send fields that are not known here: those are passed over, as Restate does. */
import { HoldfastError, parseDuration } from "@holdfast/protocol";

import { invalid, readFields, text, type Field, type FieldsOf } from "../../http/json-request.ts";
import { jsonOf } from "../exchange.ts";
import type { RestateExchange } from "./exchange.ts";
import { messageOf, RestateRefusal } from "./refusal.ts";

const UNPROCESSABLE = 422;

/** The fields of the body that are in `shape`, handed to `then`. What either cannot read is 422. */
export function readRequest<Shape extends Readonly<Record<string, Field<unknown>>>, T>(
  exchange: RestateExchange,
  shape: Shape,
  then: (given: FieldsOf<Shape>) => T,
): T {
  try {
    return then(readFields(onlyKnown(jsonOf(exchange), shape), shape));
  } catch (error) {
    const isUnreadable =
      error instanceof HoldfastError &&
      (error.code === "request-invalid" || error.code === "body-invalid-json");
    throw isUnreadable ? new RestateRefusal(UNPROCESSABLE, messageOf(error)) : error;
  }
}

function onlyKnown(value: unknown, shape: object): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([name]) => Object.hasOwn(shape, name)));
}

/** A duration as milliseconds: "1h 30m", "90s", "PT1H30M". */
export function duration(value: unknown, path: string): number {
  const ms = parseDuration(text(value, path));
  if (ms === undefined) throw invalid(`"${path}" must be a duration such as 90s, 1h 30m or PT1H30M`);
  return ms;
}

/** One parameter of the query; others are passed over. */
export function queryText(exchange: RestateExchange, name: string): string | undefined {
  return new URLSearchParams(exchange.query).get(name) ?? undefined;
}

export function queryFlag(exchange: RestateExchange, name: string): boolean {
  const value = queryText(exchange, name);
  if (value === undefined || value === "false") return false;
  if (value === "true") return true;
  throw invalid(`"${name}" must be true or false`, { field: name });
}
