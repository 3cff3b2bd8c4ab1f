/**
 * Versions of the Restate service protocol. SDKs offer 5 to 7. Version 7 changes what a suspension looks like and how steps
 * are confirmed; Restate's own server speaks it only when told to, and so does this one.
 */

export const PROTOCOL_VERSION_MIN = 5;
export const PROTOCOL_VERSION_MAX = 7;
/** Newest version that is spoken where nobody asked for another. */
export const PROTOCOL_VERSION_DEFAULT = 6;
/** From this version on waits are trees, and steps are confirmed by a message of their own. */
const FUTURES_SINCE = 7;

export function hasFutures(version: number): boolean {
  return version >= FUTURES_SINCE;
}

/** All of them, oldest first. */
export function protocolVersions(newest: number): number[] {
  const count = newest - PROTOCOL_VERSION_MIN + 1;
  return Array.from({ length: count }, (_, index) => PROTOCOL_VERSION_MIN + index);
}

export function sessionMediaType(version: number): string {
  return `application/vnd.restate.invocation.v${version}`;
}
