/**
 * Versions of the Restate service protocol. SDKs offer 5 to 7; 7 changes what a suspension looks like and how steps are
 * confirmed, and is not spoken here.
 */
export const PROTOCOL_VERSION_MIN = 5;
export const PROTOCOL_VERSION_MAX = 6;
/** All of them, oldest first. */
export const PROTOCOL_VERSIONS: readonly number[] = [PROTOCOL_VERSION_MIN, PROTOCOL_VERSION_MAX];

export function sessionMediaType(version: number): string {
  return `application/vnd.restate.invocation.v${version}`;
}
