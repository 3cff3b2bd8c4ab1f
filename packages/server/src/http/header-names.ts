/** Headers by their names in lower case, which is how they are compared and how HTTP/2 sends them. */
export function lowerCased(
  headers: Iterable<readonly [name: string, value: string]>,
): Record<string, string> {
  return Object.fromEntries(Array.from(headers, ([name, value]) => [name.toLowerCase(), value]));
}
