/** A seeded bug: how a line of the product would read if somebody had got it wrong. */
export type Mutant = {
  readonly name: string;
  /** What the line protects, in one sentence. */
  readonly breaks: string;
  /** From the root of the repository. */
  readonly file: string;
  /** Text that is in the file once. */
  readonly find: string;
  readonly replace: string;
};
