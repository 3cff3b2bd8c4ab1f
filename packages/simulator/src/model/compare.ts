/** Differences between the model and the product, with names that a person understands. */
import type { Effect, Outcome, Tables } from "@holdfast/engine";

import { startedText } from "./lifecycle.ts";
import type { ModelEffect } from "./model-state.ts";
import type { Model, ModelOutcome } from "./model.ts";
import { ANY_WORDS, resultText, textOf } from "./texts.ts";
import { entryText, viewInvocation, viewModel, viewRow, viewTables, type Fields } from "./view.ts";

export type Difference = {
  /** E.g. "invocation inv_1…", "object cart/ada", "outcome of cancel". */
  readonly of: string;
  /** E.g. "status", "lock holder", "journal[3]". */
  readonly field: string;
  readonly model: string;
  readonly product: string;
};

export function describeDifference({ of, field, model, product }: Difference): string {
  return `${of}, ${field}: the model has ${model}, the product ${product}`;
}

const NOTHING: Fields = new Map();
const ABSENT = "nothing";

/** Everything that the model knows, against everything that the tables hold. */
export function compare(model: Model, tables: Tables): Difference[] {
  const expected = viewModel(model.state);
  const found = viewTables(tables);
  const names = new Set([...expected.keys(), ...found.keys()]);
  return [...names].flatMap((name) => compareFields(name, expected.get(name), found.get(name)));
}

export function compareInvocation(model: Model, tables: Tables, id: string): Difference[] {
  const expected = model.state.invocations.get(id);
  const row = tables.invocations.get(id);
  return compareFields(
    `invocation ${id}`,
    expected === undefined ? undefined : viewInvocation(model.state, expected),
    row === undefined ? undefined : viewRow(tables, row),
  );
}

function compareFields(of: string, model: Fields = NOTHING, product: Fields = NOTHING): Difference[] {
  const differences: Difference[] = [];
  for (const field of new Set([...model.keys(), ...product.keys()])) {
    const expected = model.get(field);
    const found = product.get(field);
    if (isSame(expected, found)) continue;
    differences.push({ of, field, model: show(expected), product: show(found) });
  }
  return differences;
}

type Field = ReturnType<Fields["get"]>;

/** The product's time must lie within the window that the model allows. */
function isSame(expected: Field, found: Field): boolean {
  if (typeof expected !== "object" || typeof found !== "object") return isSameText(expected, found);
  return found[0] >= expected[0] && found[1] <= expected[1];
}

/** Where the model does not know the words, it knows what is before and behind them. */
function isSameText(expected: Field, found: Field): boolean {
  if (typeof expected !== "string" || typeof found !== "string") return expected === found;
  const [before = "", behind] = expected.split(ANY_WORDS);
  if (behind === undefined) return expected === found;
  return found.startsWith(before) && found.slice(before.length).endsWith(behind);
}

function show(field: Field): string {
  if (field === undefined) return ABSENT;
  if (typeof field === "string") return field === "" ? '""' : field;
  return field[0] === field[1] ? String(field[0]) : `${field[0]} to ${field[1]}`;
}

export function compareOutcomes(kind: string, expected: ModelOutcome, found: Outcome): Difference[] {
  const model = outcomeText(expected);
  const product = outcomeText(found);
  return isSameText(model, product) ? [] : [{ of: `outcome of ${kind}`, field: "answer", model, product }];
}

function outcomeText(outcome: ModelOutcome | Outcome): string {
  if (!outcome.ok) return `refused ${outcome.code}`;
  const { detail } = outcome;
  if (detail === undefined) return "ok";
  const { id, existed, result, removed, pending, unchanged, notes, version } = detail;
  const shown = { id, existed, removed, pending, unchanged, notes: notes?.length, version };
  return `ok ${textOf(shown)} ${result === undefined ? "" : resultText(result)}`;
}

/** What each invocation's callers and handlers are told, in order. Timers are compared as rows. */
export function compareEffects(expected: readonly ModelEffect[], found: readonly Effect[]): Difference[] {
  const model = byInvocation(expected);
  const product = byInvocation(found.flatMap(toldBy));
  return [...new Set([...model.keys(), ...product.keys()])].flatMap((id) => {
    const [ours, theirs] = [model.get(id) ?? [], product.get(id) ?? []];
    const at = ours.findIndex((told, index) => !isSameText(told, theirs[index]));
    const index = at < 0 ? ours.length : at;
    if (ours.length === theirs.length && at < 0) return [];
    const show = (told: readonly string[]): string => told[index] ?? ABSENT;
    return [{ of: `invocation ${id}`, field: `effect ${index}`, model: show(ours), product: show(theirs) }];
  });
}

function byInvocation(effects: readonly ModelEffect[]): Map<string, string[]> {
  const told = new Map<string, string[]>();
  for (const effect of effects) told.set(effect.id, [...(told.get(effect.id) ?? []), effect.told]);
  return told;
}

function toldBy(effect: Effect): ModelEffect[] {
  const told = effectText(effect);
  return told === undefined || !("id" in effect) ? [] : [{ id: effect.id, told }];
}

function effectText(effect: Effect): string | undefined {
  switch (effect.kind) {
    case "start-attempt": {
      const { attempt, deployment, start } = effect;
      const { knownEntries, retryCount, stepFailures: steps, state, recordedOn } = start;
      return `start ${startedText({ attempt, deployment, knownEntries, retryCount, steps, state, recordedOn })}`;
    }
    case "deliver":
      return `deliver ${effect.attempt} ${entryText(effect.entry)}`;
    case "ack-run":
      return `ack ${effect.attempt} ${effect.completionId}`;
    case "abort-attempt":
      return `abort ${effect.attempt}`;
    case "completed":
      return `completed ${resultText(effect.result)}`;
    case "set-timer":
    case "clear-timer":
    case "deployments-changed":
      return undefined;
  }
}
