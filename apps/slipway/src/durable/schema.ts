import type { StandardSchema } from "@holdfast/sdk";

/** A schema made of one question. What comes from outside this program is checked with it before a handler sees it. */
export function schema<Value>(what: string, fits: (value: unknown) => value is Value): StandardSchema<Value> {
  return {
    "~standard": {
      validate: (value: unknown) => (fits(value) ? { value } : { issues: [{ message: `is not ${what}` }] }),
    },
  };
}

/** The properties of a value, none when it has none. */
export function properties(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}
