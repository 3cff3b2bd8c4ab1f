/** The thread that runs queries, one after another, in a process that only does that. It may be busy for ever: see `query-supervisor.ts`. */
import { parentPort } from "node:worker_threads";

import { QueryRefusal, type QueryFailure, type QueryReply, type QueryTask } from "./query-task.ts";
import { runQuery } from "./run-query.ts";

function main(): void {
  const port = parentPort;
  if (port === null) throw new Error("Cannot run queries: this is not a worker");
  const reply = (message: QueryReply): void => port.postMessage(message);
  reply({ kind: "ready" });
  port.on("message", (task: QueryTask) => {
    try {
      const rows = runQuery(task, (bytes) => reply({ kind: "chunk", bytes }));
      reply({ kind: "done", rows });
    } catch (error) {
      reply({ kind: "refused", failure: failureOf(error) });
    }
  });
}

function failureOf(error: unknown): QueryFailure {
  if (error instanceof QueryRefusal) return error.failure;
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { kind: "failed", message };
}

main();
