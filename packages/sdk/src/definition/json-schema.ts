/** JSON Schema of a schema, where its library can write one (Standard JSON Schema: zod from 4.2, arktype, valibot's adapter). */
import type { StandardSchema } from "../standard-schema.ts";

interface JsonSchemaConverter {
  readonly jsonSchema?: {
    readonly input: (options: { readonly target: string }) => unknown;
    readonly output: (options: { readonly target: string }) => unknown;
  };
}

/** Undefined when the library cannot, or when this schema has no JSON form; then only the handler checks it. */
export function jsonSchemaOf(schema: StandardSchema | undefined, side: "input" | "output"): unknown {
  const converter = (schema?.["~standard"] as JsonSchemaConverter | undefined)?.jsonSchema;
  if (converter === undefined) return undefined;
  try {
    return converter[side]({ target: "draft-2020-12" });
  } catch {
    return undefined; // A transform or a type outside JSON: documented as the meaning of `undefined`.
  }
}
