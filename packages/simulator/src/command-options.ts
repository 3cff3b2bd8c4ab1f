/** What the simulator's command is given, and what it says when that makes no sense. */

/** Whoever typed the command can put it right: they are told in one line, without a stack. */
export class UsageError extends Error {}

/** A number above 0. `otherwise`: when the option was not given. */
export function numberOption(text: string | undefined, option: string, otherwise: number): number {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (!(value > 0)) throw new UsageError(`${option} takes a number above 0, and "${text}" is none`);
  return value;
}
