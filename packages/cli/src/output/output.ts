/**
 * Where commands print. Results go to stdout, everything about them (progress, notes, questions, errors) to stderr, so that
 * a pipe carries results only. With --json, stdout carries JSON only.
 */
import { createInterface } from "node:readline";

import { usageError } from "../cli-error.ts";
import type { Environment } from "../environment.ts";
import { coloured, plain, wantsColour, type Paint } from "./paint.ts";
import { shownLine } from "./shown-text.ts";
import { formatFields, formatTable, type Cell, type Column } from "./table.ts";

export type OutputOptions = { readonly json: boolean; readonly noColour: boolean };

export class Output {
  readonly isJson: boolean;
  /** For stdout. */
  readonly paint: Paint;
  /** For stderr. */
  readonly paintNote: Paint;
  readonly #environment: Environment;
  #hasProgress = false;

  constructor(environment: Environment, options: OutputOptions) {
    const { stdout, stderr, variables } = environment;
    this.#environment = environment;
    this.isJson = options.json;
    this.paint = !options.noColour && wantsColour(stdout, variables) ? coloured : plain;
    this.paintNote = !options.noColour && wantsColour(stderr, variables) ? coloured : plain;
  }

  get now(): number {
    return this.#environment.now();
  }

  /** Whether a person may be asked. */
  get isInteractive(): boolean {
    return this.#environment.stdin.isTTY === true && this.#environment.stderr.isTTY === true && !this.isJson;
  }

  /** A line of the result. What comes from others must have gone through `shownLine` or `shownLines`. */
  print(line = ""): void {
    this.#environment.stdout.write(`${line}\n`);
  }

  /** A line about the result. */
  note(line: string): void {
    if (this.isJson) return;
    this.#clearProgress();
    this.#environment.stderr.write(`${line}\n`);
  }

  /** A line that the next one replaces. On a terminal only. */
  progress(line: string): void {
    if (this.isJson || this.#environment.stderr.isTTY !== true) return;
    this.#environment.stderr.write(`\r\u001b[2K${line}`);
    this.#hasProgress = true;
  }

  endProgress(): void {
    this.#clearProgress();
  }

  /** The one JSON document of a command: indented for people, one line for programs. */
  document(value: unknown): void {
    const indent = this.#environment.stdout.isTTY === true ? 2 : undefined;
    this.print(JSON.stringify(value ?? null, undefined, indent));
  }

  /** One of several JSON values, on a line of its own. */
  jsonLine(value: unknown): void {
    this.print(JSON.stringify(value));
  }

  /** The result in the form that was asked for. */
  result(value: unknown, show: () => void): void {
    if (this.isJson) this.document(value);
    else show();
  }

  table(columns: readonly Column[], rows: ReadonlyArray<readonly Cell[]>): void {
    const { isTTY, columns: width } = this.#environment.stdout;
    const look = { paint: this.paint, width: isTTY === true ? width : undefined };
    for (const line of formatTable(columns, rows, look)) this.print(line);
  }

  fields(fields: ReadonlyArray<readonly [name: string, value: Cell | undefined]>): void {
    for (const line of formatFields(fields, { paint: this.paint })) this.print(line);
  }

  heading(text: string): void {
    this.print();
    this.print(this.paint("bold", shownLine(text)));
  }

  /** Asks for a yes. Where nobody can be asked, the command line must have said it. */
  async confirm(question: string): Promise<boolean> {
    if (!this.isInteractive) {
      throw usageError(`This needs a confirmation, and there is nobody to ask: ${question}`, {
        hint: "Add --yes to go on without being asked.",
      });
    }
    const { stdin, stderr } = this.#environment;
    const asked = createInterface({ input: stdin, terminal: false });
    stderr.write(`${question} ${this.paintNote("dim", "[y/N]")} `);
    const answer = await new Promise<string>((resolve) => {
      // The end of input is a no.
      asked.once("close", () => resolve(""));
      asked.once("line", resolve);
    });
    asked.close();
    return /^y(es)?$/i.test(answer.trim());
  }

  #clearProgress(): void {
    if (!this.#hasProgress) return;
    this.#environment.stderr.write("\r\u001b[2K");
    this.#hasProgress = false;
  }
}
