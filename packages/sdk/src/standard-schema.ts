/**
 * The interface that schema libraries agree on (Standard Schema, version 1), as far as this package needs it: zod,
 * valibot, arktype and others implement it. Types only, so no library is a dependency.
 */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly "~standard": StandardSchemaProps<Input, Output>;
}

export interface StandardSchemaProps<Input = unknown, Output = Input> {
  /** A `StandardResult`, or a promise of one. Left open here because comparing it would double what a schema costs the type checker. */
  readonly validate: (value: unknown) => unknown;
  readonly types?: { readonly input: Input; readonly output: Output } | undefined;
}

export type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly StandardIssue[] };

export interface StandardIssue {
  readonly message: string;
  readonly path?: ReadonlyArray<PropertyKey | { readonly key: PropertyKey }> | undefined;
}

/** What a caller passes to a schema. */
export type InputOf<Schema extends StandardSchema> = NonNullable<Schema["~standard"]["types"]>["input"];

/** What a schema makes of it. */
export type OutputOf<Schema extends StandardSchema> = NonNullable<Schema["~standard"]["types"]>["output"];

/** Schemas by name: a workflow's promises, an object's state. */
export type SchemaRecord = Readonly<Record<string, StandardSchema>>;
