/** Which classes of errors come back from the journal as what they were. */

type ErrorConstructor = abstract new (...args: never[]) => Error;

const constructors = new Map<string, ErrorConstructor>();
const names = new Map<unknown, string>();

/**
 * Makes errors of a class survive the journal: they are stored under `name` (by default the class's own) and revived with
 * that class's prototype, so that `instanceof` holds. The constructor is not called. Registering a name again replaces it.
 */
export function registerErrorClass(errorClass: ErrorConstructor, name: string = errorClass.name): void {
  constructors.set(name, errorClass);
  names.set(errorClass, name);
}

/** Makes `error` an instance of the class that is registered under `name`, if one is. */
export function adoptErrorClass(error: Error, name: string): void {
  const errorClass = constructors.get(name);
  if (errorClass !== undefined) Object.setPrototypeOf(error, errorClass.prototype as object);
}

/** The name an error is stored under. */
export function storedErrorName(error: Error): string {
  return names.get(error.constructor) ?? String(error.name);
}

for (const errorClass of [
  Error,
  TypeError,
  RangeError,
  SyntaxError,
  ReferenceError,
  EvalError,
  URIError,
  AggregateError,
]) {
  constructors.set(errorClass.name, errorClass);
}
