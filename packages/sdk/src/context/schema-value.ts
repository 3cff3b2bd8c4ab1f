import { TerminalError } from "../errors.ts";
import type { Reader } from "../replay/operation.ts";
import { describeIssues, validate } from "../replay/validate.ts";
import type { StandardResult, StandardSchema } from "../standard-schema.ts";

/**
 * Reads a value that came from outside and has a schema. What does not fit is a terminal error: it will never fit. Gives a
 * promise where the schema does, which the reader's operation then takes on.
 */
export function checkedReader(
  read: Reader<unknown>,
  schema: StandardSchema | undefined,
  what: string,
): Reader<unknown> {
  if (schema === undefined) return read;
  return (result) => {
    const checked = validate(schema, read(result));
    return checked instanceof Promise ? checked.then((late) => accept(late, what)) : accept(checked, what);
  };
}

function accept(checked: StandardResult<unknown>, what: string): unknown {
  if (checked.issues === undefined) return checked.value;
  const message = `${what} does not fit its schema: ${describeIssues(checked.issues)}`;
  throw new TerminalError(message, { status: 400, code: "payload-invalid" });
}
