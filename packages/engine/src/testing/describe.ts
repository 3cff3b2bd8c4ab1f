/** Messages, effects and outcomes as one line each, for traces and for the messages of failed checks. */
import {
  decodeMessage,
  messageTypeName,
  type Message,
  type NotificationResult,
  type Result,
} from "@holdfast/protocol";

import type { Effect, Outcome } from "../effect.ts";
import type { JournalEntry } from "../tables/rows.ts";

const decoder = new TextDecoder();

/** A field of a row or message. Bytes are shown as the text they hold. */
export function describeValue(value: unknown): string {
  if (value instanceof Uint8Array) return JSON.stringify(decoder.decode(value));
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value !== "object" || value === null) return String(value);
  if (isResult(value)) return describeResult(value);
  if (value instanceof Map) return describeValue([...value]);
  if (value instanceof Set) return describeValue([...value]);
  if (Array.isArray(value)) return `[${value.map(describeValue).join(", ")}]`;
  return `{${describeFields(value)}}`;
}

export function describeFields(value: object): string {
  return Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .map(([name, field]) => `${name}=${describeValue(field)}`)
    .join(" ");
}

const RESULT_KINDS = new Set(["value", "void", "failure", "invocation-id", "state-keys"]);

export function isResult(value: object): value is NotificationResult {
  return "kind" in value && RESULT_KINDS.has(String(value.kind));
}

export function describeResult(result: NotificationResult): string {
  switch (result.kind) {
    case "void":
      return "void";
    case "value":
      return describeValue(result.value);
    case "failure":
      return describeFailure(result);
    case "invocation-id":
      return `id ${result.id}`;
    case "state-keys":
      return `keys ${describeValue(result.keys)}`;
  }
}

function describeFailure({ failure }: Result & { readonly kind: "failure" }): string {
  const metadata = (failure.metadata ?? []).map(([key, value]) => ` ${key}=${value}`).join("");
  return `failure ${failure.code} ${JSON.stringify(failure.message)}${metadata}`;
}

export function describeMessage(message: Message): string {
  const { type, ...fields } = message;
  const kept = Object.entries(fields).filter(
    ([, field]) => field !== "" && !(Array.isArray(field) && field.length === 0),
  );
  return `${messageTypeName(type)} ${describeFields(Object.fromEntries(kept))}`.trimEnd();
}

export function describeEntry(entry: JournalEntry): string {
  const cause = entry.cause === "" ? "" : ` (${entry.cause})`;
  return `${describeMessage(decodeMessage(entry.type, entry.body))}${cause}`;
}

export function describeEffect(effect: Effect): string {
  switch (effect.kind) {
    case "start-attempt": {
      const { start } = effect;
      const extra = [
        start.state.length === 0 ? "" : `, state ${describeValue(start.state)}`,
        start.partialState && start.key !== "" ? ", partial state" : "",
        start.retryCount === 0 ? "" : `, retry ${start.retryCount}`,
        start.stepFailures.length === 0 ? "" : `, step failures ${describeValue(start.stepFailures)}`,
        start.recordedOn === "" ? "" : `, recorded on ${start.recordedOn}`,
      ].join("");
      const where = effect.deployment ?? "no deployment";
      return `start-attempt ${effect.id}#${effect.attempt} on ${where}: ${start.knownEntries} entries${extra}`;
    }
    case "deliver":
      return `deliver ${effect.id}#${effect.attempt} ${describeEntry(effect.entry)}`;
    case "ack-run":
      return `ack-run ${effect.id}#${effect.attempt} ${effect.completionId}`;
    case "abort-attempt":
      return `abort-attempt ${effect.id}#${effect.attempt} ${JSON.stringify(effect.reason)}`;
    case "set-timer":
      return `set-timer ${shortTimer(effect.key)}`;
    case "clear-timer":
      return `clear-timer ${shortTimer(effect.key)}`;
    case "completed":
      return `completed ${effect.id} ${describeResult(effect.result)}`;
    case "deployments-changed":
      return "deployments-changed";
  }
}

/** A timer's key without the zeros that make it sort. */
export function shortTimer(key: string): string {
  return key.replaceAll(/\b0+(?=\d)/g, "");
}

export function describeOutcome(outcome: Outcome): string {
  if (!outcome.ok) return `refused ${outcome.code}: ${outcome.message}`;
  return outcome.detail === undefined ? "ok" : `ok ${describeFields(outcome.detail)}`;
}
