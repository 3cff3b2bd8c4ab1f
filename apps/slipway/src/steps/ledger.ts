/**
 * The ledger of a deployment: one line for each thing that happened to one of its steps, only ever appended to, with the
 * step's key in it. It says what the engine cannot: that a step had finished when the crash came that kept the engine
 * from hearing of it. And it is the evidence: in it every step ends exactly once.
 */
import { appendFileSync, mkdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";

export type LedgerEvent = "begin" | "done" | "failed" | "recalled";

export interface LedgerLine {
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  /** Which run of the program. */
  readonly run: string;
  readonly step: string;
  /** Constant over all executions of the step. */
  readonly key: string;
  readonly event: LedgerEvent;
  /** With "done": what the step returned. */
  readonly result?: unknown;
  /** With "done" and "failed": for people. */
  readonly note?: string;
}

export class Ledger {
  readonly #path: string;
  #lines: LedgerLine[] | undefined = undefined;

  constructor(path: string) {
    this.#path = path;
  }

  lines(): readonly LedgerLine[] {
    return this.#load();
  }

  /** The line that says that the step has finished. */
  finished(key: string): LedgerLine | undefined {
    return this.#load().find((line) => line.key === key && line.event === "done");
  }

  /** One write that no kill can cut in two. After a power failure the line may be missing; then the step runs again. */
  append(line: LedgerLine): void {
    const lines = this.#load();
    appendFileSync(this.#path, `${JSON.stringify(line)}\n`);
    lines.push(line);
  }

  #load(): LedgerLine[] {
    if (this.#lines !== undefined) return this.#lines;
    mkdirSync(dirname(this.#path), { recursive: true });
    const text = readIfThere(this.#path);
    // A power failure may leave half a line. What follows must not become its other half.
    if (text !== "" && !text.endsWith("\n")) appendFileSync(this.#path, "\n");
    this.#lines = text.split("\n").flatMap(parseLine);
    return this.#lines;
  }
}

/** The lines of a ledger that somebody else may be writing. */
export function readLedger(path: string): readonly LedgerLine[] {
  return readIfThere(path).split("\n").flatMap(parseLine);
}

/** No line for what is not one. */
function parseLine(text: string): readonly LedgerLine[] {
  if (!text.startsWith("{") || !text.endsWith("}")) return [];
  try {
    return [JSON.parse(text) as LedgerLine];
  } catch {
    return []; // Half a line, see above.
  }
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
}
