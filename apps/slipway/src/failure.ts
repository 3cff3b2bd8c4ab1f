import { properties } from "./durable/schema.ts";

export interface Failure {
  readonly message: string;
  /** The last lines of the log that tells more. */
  readonly lines: readonly string[];
}

/** What a failed deployment or command has to say for itself. */
export function describeFailure(error: unknown): Failure {
  const message = error instanceof Error ? error.message : String(error);
  const { lastLines } = properties(properties(error)["data"]);
  const lines = Array.isArray(lastLines) ? lastLines.filter((line) => typeof line === "string") : [];
  return { message, lines };
}
