/** Checks the body of a call before anything is started: content type, JSON, depth, and the schema that the handler declares. */
import { Validator, type OutputUnit, type Schema, type SchemaDraft } from "@cfworker/json-schema";
import { HoldfastError } from "@holdfast/protocol";

import { isJsonType, parseReason } from "../http/json-request.ts";
import { decodeUtf8, excessOf, JSON_KEYS_MAX } from "../http/strict-json.ts";

export type CheckedInput = {
  /** For messages: "Greeter/greet", or the promise that is resolved. */
  readonly what: { readonly service: string; readonly handler: string };
  /** JSON Schema; undefined or `true`: anything. */
  readonly schema: unknown;
};

type SchemaProblem = { readonly at: string; readonly message: string };

const PROBLEMS_MAX = 20;
/** What says no more than "something in here does not match". */
const SUMMARIES = new Set(["properties", "items", "prefixItems", "$ref", "allOf", "additionalProperties"]);
const DRAFTS: ReadonlyArray<readonly [RegExp, SchemaDraft]> = [
  [/draft-0?4/, "4"],
  [/draft-0?7/, "7"],
  [/2019-09/, "2019-09"],
];

/** By schema; `undefined` for one that the library cannot work with. */
const validators = new WeakMap<object, Validator | undefined>();

/** Throws `content-type-mismatch`, `body-invalid-json` or `input-invalid`. An empty body is no input and passes. */
export function checkInput(
  body: Uint8Array,
  contentType: string | undefined,
  input: CheckedInput,
  depthMax: number,
): void {
  if (body.length === 0) return;
  if (contentType !== undefined && !isJsonType(contentType)) {
    throw new HoldfastError("content-type-mismatch", { ...input.what, contentType });
  }
  const text = decodeUtf8(body);
  if (text === undefined) throw new HoldfastError("body-invalid-json", { reason: "it is not UTF-8" });
  refuseExcess(text, depthMax);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new HoldfastError("body-invalid-json", { reason: parseReason(error) });
  }
  const problems = schemaProblems(input.schema, value);
  if (problems.length > 0) throw inputInvalid(input, problems);
}

function refuseExcess(text: string, depthMax: number): void {
  const excess = excessOf(text, depthMax);
  if (excess === "depth") {
    const name = "ingress.jsonDepthMax";
    const reason = `it is nested deeper than ${depthMax} levels, the limit ${name}`;
    throw new HoldfastError("body-invalid-json", { reason, name, limit: depthMax });
  }
  if (excess === "keys") {
    const reason = `its objects have more than ${JSON_KEYS_MAX} keys together`;
    throw new HoldfastError("body-invalid-json", { reason, limit: JSON_KEYS_MAX });
  }
}

function schemaProblems(schema: unknown, value: unknown): readonly SchemaProblem[] {
  if (typeof schema !== "object" || schema === null) return [];
  if (!validators.has(schema)) validators.set(schema, createValidator(schema));
  const validator = validators.get(schema);
  if (validator === undefined) return [];
  let outcome: ReturnType<Validator["validate"]>;
  try {
    outcome = validator.validate(value);
  } catch {
    // A reference that leads nowhere shows only now. The handler has its own check.
    validators.set(schema, undefined);
    return [];
  }
  return outcome.valid ? [] : describe(outcome.errors);
}

function createValidator(schema: object): Validator | undefined {
  const dialect = "$schema" in schema && typeof schema.$schema === "string" ? schema.$schema : "";
  const draft = DRAFTS.find(([pattern]) => pattern.test(dialect))?.[1] ?? "2020-12";
  try {
    return new Validator(schema as Schema, draft, false);
  } catch {
    return undefined;
  }
}

/** The innermost places that do not match. */
function describe(errors: readonly OutputUnit[]): readonly SchemaProblem[] {
  const innermost = errors.filter(({ keyword }) => !SUMMARIES.has(keyword) && keyword !== "false");
  const telling = innermost.length > 0 ? innermost : errors;
  return telling
    .slice(0, PROBLEMS_MAX)
    .map(({ instanceLocation, error }) => ({ at: instanceLocation.replace(/^#/, ""), message: error }));
}

function inputInvalid(input: CheckedInput, problems: readonly SchemaProblem[]): HoldfastError {
  const [first] = problems;
  const place = first === undefined || first.at === "" ? "" : `at ${first.at}: `;
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : "";
  return new HoldfastError("input-invalid", {
    ...input.what,
    reason: `${place}${first?.message ?? "it does not match"}${more}`,
    problems,
  });
}
