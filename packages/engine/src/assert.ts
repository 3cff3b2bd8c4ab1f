/**
 * Assertions that stay on in production. A failed one is a bug in the engine, never bad input: the partition stops rather
 * than continue in a state that nobody has thought about.
 */
export class AssertionFailedError extends Error {
  override readonly name = "AssertionFailedError";
}

export function assert(condition: boolean, what: string): asserts condition {
  if (!condition) throw new AssertionFailedError(what);
}

/** The value, which the caller knows to be there and says why. */
export function must<T>(value: T | undefined, why: string): T {
  if (value === undefined) throw new AssertionFailedError(why);
  return value;
}

export function unreachable(value: never, what: string): never {
  throw new AssertionFailedError(`${what}: ${JSON.stringify(value)}`);
}
