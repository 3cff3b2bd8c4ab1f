/** What is printed when a command does not succeed, and what the process ends with. */
import { HoldfastClientError } from "@holdfast/client";
import { closestName, errorDocument, HoldfastError, isErrorCode } from "@holdfast/protocol";

import { CliError } from "./cli-error.ts";
import { ExitCode } from "./exit-code.ts";
import { plain, type Paint } from "./output/paint.ts";
import { shownLine, shownLines } from "./output/shown-text.ts";

/** An error as people and scripts see it. With --json, this is printed on stderr. */
export type Failure = {
  /** Stable code: of the error catalogue, or of this program. */
  readonly error: string;
  readonly message: string;
  readonly hint?: string;
  readonly docs?: string;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly invocationId?: string;
  readonly exitCode: ExitCode;
};

export function failureOf(error: unknown): Failure {
  if (error instanceof CliError) return ofCommandLine(error);
  if (error instanceof HoldfastClientError) return ofServer(error);
  if (error instanceof HoldfastError) {
    const { code, message, hint, details } = error;
    const exitCode = code === "config-invalid" ? ExitCode.usage : exitCodeFor(error);
    return { error: code, message, hint, docs: errorDocument(code), details, exitCode };
  }
  return ofSystem(error);
}

/** The lines for people: what happened, what to do, and the code to look for. */
export function failureLines(failure: Failure, paint: Paint = plain): string[] {
  const { error, message, hint, docs, details, invocationId } = failure;
  const lines = [`${paint("red", "Error:")} ${shownLines(message)}`];
  for (const line of detailLines(details)) lines.push(`       ${line}`);
  if (hint !== undefined && hint !== "") lines.push(`${paint("dim", "Hint: ")} ${shownLines(hint)}`);
  if (invocationId !== undefined) lines.push(`${paint("dim", "Id:   ")} ${shownLine(invocationId)}`);
  const place = docs === undefined ? "" : paint("dim", `  (${docs})`);
  lines.push(`${paint("dim", "Code: ")} ${shownLine(error)}${place}`);
  return lines;
}

const USAGE_HINT = "Add --help to see what this command takes.";

function ofCommandLine({ code, message, options }: CliError): Failure {
  const { exitCode, details } = options;
  const hint = suggestion(options.meant) ?? options.hint ?? (code === "usage" ? USAGE_HINT : undefined);
  return {
    error: code,
    message,
    ...(hint === undefined ? {} : { hint }),
    ...(details === undefined ? {} : { details }),
    exitCode,
  };
}

/** The candidate that is nearest, or the only one that begins so. */
function suggestion(meant: CliError["options"]["meant"]): string | undefined {
  if (meant === undefined) return undefined;
  const beginning = meant.candidates.filter((candidate) => candidate.startsWith(meant.word));
  const closest = beginning.length === 1 ? beginning[0] : closestName(meant.word, meant.candidates);
  return closest === undefined ? undefined : `Did you mean "${closest}"?`;
}

function ofServer(error: HoldfastClientError): Failure {
  const { code, message, hint, details, invocationId } = error;
  return {
    error: code,
    message: code === "unreachable" ? `${message}${reasonOf(error.cause)}` : message,
    hint,
    ...(isErrorCode(code) ? { docs: errorDocument(code) } : {}),
    ...(Object.keys(details).length === 0 ? {} : { details }),
    ...(invocationId === undefined ? {} : { invocationId }),
    exitCode: exitCodeFor(error),
  };
}

const NOT_FOUND = new Set([404, 410]);
const CONFLICT = new Set([409, 412, 425]);

function exitCodeFor(error: { readonly status: number; readonly source: string }): ExitCode {
  // How a handler ended is its own affair, whatever status it chose.
  if (error.source === "invocation") return ExitCode.failed;
  if (error.status === 0) return ExitCode.unreachable;
  if (NOT_FOUND.has(error.status)) return ExitCode.notFound;
  if (CONFLICT.has(error.status)) return ExitCode.conflict;
  return ExitCode.failed;
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error && cause.message !== "" ? `: ${cause.message}` : "";
}

/** From the operating system, or a defect of this program. Only for the latter a stack says more than the message. */
function ofSystem(error: unknown): Failure {
  if (!(error instanceof Error)) {
    return { error: "unexpected", message: String(error), exitCode: ExitCode.failed };
  }
  if ("syscall" in error) {
    const code = "code" in error && typeof error.code === "string" ? error.code : "system";
    return { error: code, message: error.message, exitCode: ExitCode.failed };
  }
  return {
    error: "unexpected",
    message: error.stack ?? error.message,
    hint: "This is a defect of the command line. Please report it with what you ran.",
    exitCode: ExitCode.failed,
  };
}

/** Places in an input that do not fit, and ids that a prefix could mean. */
function detailLines(details: Failure["details"]): string[] {
  const problems = listOf(details?.["problems"]).map(({ at, message }) =>
    at === undefined || at === "" ? `${message}` : `${at}: ${message}`,
  );
  const candidates = listOf(details?.["candidates"]).map(({ id, target, status }) =>
    [id, target, status].filter((part) => part !== undefined).join("  "),
  );
  const lines = [...(problems.length > 1 ? problems : []), ...candidates];
  return lines.map((line) => shownLine(line));
}

function listOf(value: unknown): ReadonlyArray<Readonly<Record<string, string | undefined>>> {
  return Array.isArray(value) ? (value as ReadonlyArray<Readonly<Record<string, string>>>) : [];
}
