/** Values as text: to compare them, and to say what differs in a way that a person can read. */
import { messageTypeName, type Message, type NotificationResult } from "@holdfast/protocol";

/** Stands for what the product says in its own words. */
export const ANY_WORDS = "…";

const decoder = new TextDecoder();

/** Bytes as the text they hold, maps as lists, fields by name and without what is undefined. */
export function textOf(value: unknown): string {
  if (value instanceof Uint8Array) return `bytes:${decoder.decode(value)}`;
  if (value instanceof Map || value instanceof Set) return textOf([...value]);
  if (Array.isArray(value)) return `[${value.map(textOf).join(", ")}]`;
  if (typeof value !== "object" || value === null) return String(value);
  if (isResult(value)) return resultText(value);
  const fields = Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([name, field]) => `${name}=${textOf(field)}`).join(" ")}}`;
}

/** Equal as JSON says it, whatever the order of fields. */
export function sameText(a: unknown, b: unknown): boolean {
  return canonical(a) === canonical(b);
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_name, field: unknown) =>
    typeof field === "object" && field !== null && !Array.isArray(field)
      ? Object.fromEntries(Object.entries(field).sort(([a], [b]) => (a < b ? -1 : 1)))
      : field,
  );
}

const RESULT_KINDS = new Set(["value", "void", "failure", "invocation-id", "state-keys"]);

function isResult(value: object): value is NotificationResult {
  return "kind" in value && RESULT_KINDS.has(String(value.kind)) && !("id" in value && "detail" in value);
}

const ENGINE_CODE = "holdfast.code";

/** A failure that the engine made is known by its code: what it says beyond that may be improved in any release. */
export function resultText(result: NotificationResult): string {
  switch (result.kind) {
    case "void":
      return "void";
    case "value":
      return textOf(result.value);
    case "invocation-id":
      return `id ${result.id}`;
    case "state-keys":
      return `keys ${result.keys.join(",")}`;
    case "failure": {
      const { code, message, metadata = [] } = result.failure;
      const engineCode = metadata.find(([key]) => key === ENGINE_CODE)?.[1];
      if (engineCode !== undefined) return `failure ${code} ${engineCode}`;
      return `failure ${code} ${message} ${metadata.map(([key, value]) => `${key}=${value}`).join(" ")}`;
    }
  }
}

/** A failure as the engine makes it. */
export function engineFailure(code: number, engineCode: string): NotificationResult & { kind: "failure" } {
  return {
    kind: "failure",
    failure: { code, message: engineCode, metadata: [[ENGINE_CODE, engineCode]] },
  };
}

export function failure(code: number, message: string): NotificationResult & { kind: "failure" } {
  return { kind: "failure", failure: { code, message } };
}

export function messageText(message: Message): string {
  const { type, ...fields } = message;
  return `${messageTypeName(type)} ${textOf(fields)}`;
}
