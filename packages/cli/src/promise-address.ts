/** What the commands for durable promises have in common. */
import { isDeepStrictEqual } from "node:util";

import type { PromisePeek, PromiseSettled } from "@holdfast/client";
import { encodeValue, errorCatalogue, type PromiseInfo } from "@holdfast/protocol";

import { CliError } from "./cli-error.ts";
import type { ArgumentSpec } from "./command.ts";
import { ExitCode } from "./exit-code.ts";
import { OBJECT_HELP, objectAddress, type ObjectAddress } from "./object-address.ts";
import type { Output } from "./output/output.ts";
import { shownLine } from "./output/shown-text.ts";
import type { Cell } from "./output/table.ts";

export const promiseArgs: readonly ArgumentSpec[] = [
  { name: "workflow", help: OBJECT_HELP },
  { name: "promise", help: "the name of the promise" },
];

export type PromiseAddress = ObjectAddress & { readonly name: string };

type Peek = PromisePeek<unknown>;

export function promiseAddress(args: readonly string[]): PromiseAddress {
  return { ...objectAddress(args[0] ?? ""), name: args[1] ?? "" };
}

export function statusCell(status: PromiseInfo["status"]): Cell {
  const style = { pending: "yellow", resolved: "green", rejected: "red" } as const;
  return { text: status, style: style[status] };
}

/** That somebody else was first is a conflict, unless it came to the same. */
export function reportSettled(
  { service, key, name }: PromiseAddress,
  settled: PromiseSettled<unknown>,
  wanted: Peek,
  out: Output,
): ExitCode {
  const { first, outcome } = settled;
  const present = documentOf(outcome);
  if (!first && !isDeepStrictEqual(present, documentOf(wanted))) {
    const message = `Promise "${name}" of "${service}/${key}" was ${textOf(outcome)} before`;
    throw new CliError("promise-already-completed", message, {
      exitCode: ExitCode.conflict,
      hint: errorCatalogue["promise-already-completed"].hint,
      details: { existing: present },
    });
  }
  const text = first ? textOf(outcome) : `${textOf(outcome)}, as it was before`;
  out.result({ settled: first ? "now" : "already", ...present }, () => out.print(shownLine(text)));
  return ExitCode.ok;
}

/** With values in their stored form, which is JSON. */
function documentOf(outcome: Peek): object {
  if (outcome.ok) return { status: "resolved", value: storedForm(outcome.value) };
  if (outcome.reason === "pending") return { status: "pending" };
  return { status: "rejected", failure: { code: outcome.code, message: outcome.message } };
}

function textOf(outcome: Peek): string {
  if (outcome.ok) return `resolved with ${JSON.stringify(storedForm(outcome.value))}`;
  return outcome.reason === "pending" ? "pending" : `rejected with ${outcome.code}: ${outcome.message}`;
}

function storedForm(value: unknown): unknown {
  const text = new TextDecoder().decode(encodeValue(value));
  return text === "" ? null : (JSON.parse(text) as unknown);
}
