import type { StandardIssue, StandardResult, StandardSchema } from "../standard-schema.ts";

/** What the schema makes of a value, or what is wrong with it. A promise only where the schema needs one. */
export function validate(
  schema: StandardSchema,
  value: unknown,
): StandardResult<unknown> | Promise<StandardResult<unknown>> {
  return schema["~standard"].validate(value) as StandardResult<unknown> | Promise<StandardResult<unknown>>;
}

/** E.g. "items[2].price: expected number". */
export function describeIssues(issues: readonly StandardIssue[]): string {
  return issues
    .map(({ message, path }) =>
      path === undefined || path.length === 0 ? message : `${pathText(path)}: ${message}`,
    )
    .join("; ");
}

function pathText(path: NonNullable<StandardIssue["path"]>): string {
  let text = "";
  for (const part of path) {
    const key = typeof part === "object" ? part.key : part;
    if (typeof key === "number") text += `[${key}]`;
    else text += text === "" ? String(key) : `.${String(key)}`;
  }
  return text;
}
