/** What a handler of a Restate SDK says about its requests and responses: kept for the ingress, once it is sound. */
import { validateHeaderValue } from "node:http";

import type { InputRule, OutputRule } from "@holdfast/protocol";

import { isObject, shown, type Json } from "../manifest-check.ts";

/** Type and subtype, each of which may be a wildcard; parameters are allowed. */
const MEDIA_RANGE = /^(\*|[\w!#$&^.+-]+)\/(\*|[\w!#$&^.+-]+)\s*(;.*)?$/;

/** Why a manifest is refused. */
export class RuleProblem extends Error {}

export function inputRuleOf(owner: string, input: unknown): { readonly inputRule?: InputRule } {
  if (input === undefined || input === null) return {};
  if (!isObject(input)) throw new RuleProblem(`${owner} has an input that is not an object`);
  const { required, contentType } = input;
  if (required !== undefined && required !== null && typeof required !== "boolean")
    throw new RuleProblem(`${owner} has an input.required that is not true or false`);
  if (isGiven(contentType) && !(typeof contentType === "string" && MEDIA_RANGE.test(contentType)))
    throw new RuleProblem(`${owner} has the input.contentType ${shown(contentType)}, which is no media type`);
  return {
    inputRule: {
      ...(typeof required === "boolean" ? { isRequired: required } : {}),
      ...(typeof contentType === "string" ? { contentType } : {}),
      ...schemaOf(`${owner} has an input.jsonSchema`, input),
    },
  };
}

export function outputRuleOf(owner: string, output: unknown): { readonly outputRule?: OutputRule } {
  if (output === undefined || output === null) return {};
  if (!isObject(output)) throw new RuleProblem(`${owner} has an output that is not an object`);
  const { contentType, setContentTypeIfEmpty: always } = output;
  if (isGiven(contentType) && !isHeaderValue(contentType)) {
    throw new RuleProblem(
      `${owner} has the output.contentType ${shown(contentType)}, which cannot be a header's value`,
    );
  }
  if (isGiven(always) && typeof always !== "boolean")
    throw new RuleProblem(`${owner} has an output.setContentTypeIfEmpty that is not true or false`);
  return {
    outputRule: {
      ...(typeof contentType === "string" ? { contentType } : {}),
      ...(typeof always === "boolean" ? { setContentTypeIfEmpty: always } : {}),
      ...schemaOf(`${owner} has an output.jsonSchema`, output),
    },
  };
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function isHeaderValue(value: unknown): boolean {
  if (typeof value !== "string" || value === "") return false;
  try {
    validateHeaderValue("content-type", value);
    return true;
  } catch {
    // That is the answer.
    return false;
  }
}

function schemaOf(what: string, { jsonSchema }: Json): { readonly jsonSchema?: unknown } {
  if (!isGiven(jsonSchema)) return {};
  if (!isObject(jsonSchema) && typeof jsonSchema !== "boolean")
    throw new RuleProblem(`${what} that is neither an object nor true or false`);
  const reference = foreignReference(jsonSchema);
  if (reference !== undefined)
    throw new RuleProblem(`${what} that refers to ${shown(reference)}; it may refer to its own parts only`);
  return { jsonSchema };
}

/** A reference that leads out of the schema. Its depth was bounded when it was read. */
function foreignReference(schema: unknown): string | undefined {
  if (Array.isArray(schema)) return first(schema);
  if (!isObject(schema)) return undefined;
  const reference = schema["$ref"];
  if (typeof reference === "string" && !reference.startsWith("#")) return reference;
  return first(Object.values(schema));
}

function first(schemas: readonly unknown[]): string | undefined {
  for (const schema of schemas) {
    const found = foreignReference(schema);
    if (found !== undefined) return found;
  }
  return undefined;
}
