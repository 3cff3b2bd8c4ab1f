/** Thrown where the attempt has just been ended, to get out of what was going on. No handler ever sees it. */
export class AttemptOver extends Error {
  override readonly name = "AttemptOver";
}
