/** Colours, or nothing where they would only be noise. */
export interface Style {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly green: (text: string) => string;
  readonly red: (text: string) => string;
  readonly cyan: (text: string) => string;
}

export function styleOf(hasColours: boolean): Style {
  const code = (number: number) => (text: string) =>
    hasColours && text !== "" ? `\u001B[${number}m${text}\u001B[0m` : text;
  return { bold: code(1), dim: code(2), green: code(32), red: code(31), cyan: code(36) };
}
