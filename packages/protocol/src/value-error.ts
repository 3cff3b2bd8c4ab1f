/** A value that has no stored form, or a stored form that is no value. */

/** Thrown by `encodeValue`. The message names the place, says what is wrong there and what to do instead. */
export class UnstorableValueError extends Error {
  override readonly name: string = "UnstorableValueError";
  readonly code = "value-not-storable";
  /** Where in the value, e.g. `result.items[3].onClick`. */
  readonly path: string;
  readonly hint: string;

  constructor(path: string, problem: string, hint: string) {
    super(`${path}: ${problem} cannot be stored in the journal. ${hint}`);
    this.path = path;
    this.hint = hint;
  }
}

/** Thrown by `decodeValue` for bytes that `encodeValue` cannot have written. */
export class ValueDecodeError extends Error {
  override readonly name: string = "ValueDecodeError";
}
