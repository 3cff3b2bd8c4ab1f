/** A promise that was broken. One is one too many. */
export type Violation = {
  /**
   * - lost: it was acknowledged and is not there, or did not come to its end
   * - duplicate: what was recorded as done was done again
   * - early: a timer fired before it was due
   * - wrong: an answer, order or value that cannot be
   * - stuck: the engine did not come back, did not end, or did not answer as it must
   */
  readonly kind: "lost" | "duplicate" | "early" | "wrong" | "stuck";
  readonly text: string;
};
