/** `POST /query`: one SELECT over the documented views, as fresh as the moment it came in. */
import { HoldfastError } from "@holdfast/protocol";

import { jsonOf, readQuery, type AdminExchange } from "../admin/exchange.ts";
import { invalid, list, readFields, required, text } from "../http/json-request.ts";
import { sendBytes } from "../http/response.ts";
import type { EngineAccess } from "../partition/engine-access.ts";
import { ARROW_STREAM_TYPE } from "./arrow/arrow-stream.ts";
import { QueryRefusal, type QueryFailure, type QueryFormat, type QueryParameter } from "./query-task.ts";
import { STATEMENT_LENGTH_MAX } from "./statement.ts";

const JSON_TYPE = "application/json";
/** A list a row, with the names of the columns: what `holdfast sql` asks for. */
const TABLE_TYPE = "application/vnd.holdfast.table+json";

const CONTENT_TYPES: Readonly<Record<QueryFormat, string>> = {
  json: JSON_TYPE,
  table: TABLE_TYPE,
  arrow: ARROW_STREAM_TYPE,
};

export async function answerQuery(exchange: AdminExchange): Promise<undefined> {
  readQuery(exchange);
  const { engine, res, settings } = exchange;
  const given = readFields(jsonOf(exchange), { query: text, parameters: list(parameter) });
  const sql = required(given.query, "query");
  const parameters = given.parameters ?? [];
  // Before it waits for its turn, with what it holds.
  checkLength(sql, parameters);
  const { queries } = settings;
  const path = engine.store.filePath;
  if (queries === undefined || path === undefined) {
    throw new HoldfastError("query-unavailable", { reason: "this engine keeps its data in memory only" });
  }
  const gone = new AbortController();
  res.on("close", () => gone.abort());
  await freshStore(engine, queries.limits.timeMs);
  const format = formatOf(exchange.req.headers.accept);
  const task = { path, sql, parameters, format };
  try {
    const { chunks } = await queries.run(task, gone.signal);
    sendBytes(res, 200, CONTENT_TYPES[format], chunks);
  } catch (error) {
    if (gone.signal.aborted) return;
    throw error instanceof QueryRefusal ? refusalError(error.failure) : error;
  }
}

/** What was accepted before the query came is what it sees: the store is brought up to date first. */
async function freshStore(engine: EngineAccess, timeMs: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const late = setTimeout(() => {
    const reason = `the store could not be brought up to date within ${timeMs} ms`;
    reject(new HoldfastError("query-unavailable", { reason, name: "query.timeLimit", limit: timeMs }));
  }, timeMs);
  engine.checkpoint().then(resolve, reject);
  try {
    await promise;
  } finally {
    clearTimeout(late);
  }
}

/** As Restate's server tells them apart: exactly JSON, or else Arrow. */
function formatOf(accept: string | undefined): QueryFormat {
  if (accept === JSON_TYPE) return "json";
  return accept === TABLE_TYPE ? "table" : "arrow";
}

function checkLength(sql: string, parameters: readonly QueryParameter[]): void {
  const length = parameters.reduce<number>((sum, each) => sum + String(each).length, sql.length);
  if (length <= STATEMENT_LENGTH_MAX) return;
  const reason = `it is longer than ${STATEMENT_LENGTH_MAX} characters, parameters included`;
  throw new HoldfastError("query-invalid", { reason });
}

function parameter(value: unknown, path: string): QueryParameter {
  if (value === null || typeof value === "string" || typeof value === "number") return value;
  throw invalid(`"${path}" must be a text, a number or null`, { field: path });
}

function refusalError(failure: QueryFailure): HoldfastError {
  switch (failure.kind) {
    case "invalid": {
      const { reason, hint } = failure;
      return new HoldfastError("query-invalid", { reason }, hint === undefined ? {} : { hint });
    }
    case "limit": {
      const { what, name, limit } = failure;
      return new HoldfastError("query-limit-exceeded", { what, name, limit });
    }
    case "failed":
      return new HoldfastError("query-failed", { reason: failure.message.split("\n")[0] });
  }
}
