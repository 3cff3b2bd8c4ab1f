// A node:test reporter that writes one JSON line per finished test, for test-files.ts to read.

import { inspect } from "node:util";

/** One finished test or suite. */
export interface FinishedTest {
  readonly kind: "pass" | "fail" | "skip";
  readonly name: string;
  readonly file: string;
  /** Why it failed, with the stack. */
  readonly error: string | undefined;
}

/** Something node:test had to say that belongs to no test, such as an error thrown after its test had ended. */
export interface TestDiagnostic {
  readonly kind: "diagnostic";
  readonly message: string;
}

export type TestLine = FinishedTest | TestDiagnostic;

interface TestEvent {
  readonly type: string;
  readonly data: {
    readonly name?: string;
    readonly file?: string;
    readonly message?: string;
    readonly nesting?: number;
    readonly skip?: string | boolean;
    readonly todo?: string | boolean;
    readonly details?: { readonly type?: string; readonly error?: unknown };
  };
}

const COUNTER = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+$/;

// Node loads a reporter by its default export.
// oxlint-disable-next-line import/no-default-export
export default async function* reportEvents(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const ancestors: string[] = [];
  for await (const event of events) {
    const { data } = event;
    if (event.type === "test:start") ancestors.splice(data.nesting ?? 0, Infinity, data.name ?? "");
    const line = toLine(event, ancestors.slice(0, data.nesting ?? 0));
    if (line !== undefined) yield `${JSON.stringify(line)}\n`;
  }
}

function toLine({ type, data }: TestEvent, ancestors: readonly string[]): TestLine | undefined {
  const message = data.message ?? "";
  if (type === "test:diagnostic") return COUNTER.test(message) ? undefined : { kind: "diagnostic", message };
  if (type !== "test:pass" && type !== "test:fail") return undefined;

  const failure = type === "test:fail" ? asFailure(data.details?.error) : undefined;
  // A parent that failed only because of a child would count the same failure twice.
  if (failure?.type === "subtestsFailed") return undefined;
  if (failure === undefined && data.details?.type === "suite") return undefined;

  const skipped = isMarked(data.skip) || isMarked(data.todo);
  return {
    kind: skipped ? "skip" : failure === undefined ? "pass" : "fail",
    name: [...ancestors, data.name ?? ""].join(" › "),
    file: data.file ?? "",
    error: skipped ? undefined : failure?.text,
  };
}

/** `skip` and `todo` hold a reason, `true`, or an empty string when the option was given without either. */
function isMarked(option: string | boolean | undefined): boolean {
  return option !== undefined && option !== false;
}

/** node:test wraps what a test threw into an error of its own. */
function asFailure(error: unknown): { type: string; text: string } {
  const wrapper: { failureType?: unknown; cause?: unknown } =
    typeof error === "object" && error !== null ? error : {};
  const type = typeof wrapper.failureType === "string" ? wrapper.failureType : "";
  const cause = wrapper.cause ?? error;
  return { type, text: typeof cause === "string" ? cause : inspect(cause, { depth: 8 }) };
}
