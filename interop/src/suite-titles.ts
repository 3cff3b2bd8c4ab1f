/** How suites are called whose results are shown in docs/compatibility.md: their titles say the column and the mode. */

export type Mode = {
  readonly name: string;
  /** As in the table. */
  readonly short: string;
  readonly inactivityTimeoutMs: number;
};

/** The column of the SDK for TypeScript where it is reached otherwise than all others. */
export const OVER_HTTP1 = "TypeScript over HTTP/1.1";

export const OPEN: Mode = {
  name: "with both directions open",
  short: "open",
  inactivityTimeoutMs: 60_000,
};
export const SUSPENDED: Mode = {
  name: "suspended at every wait",
  short: "suspended",
  inactivityTimeoutMs: 0,
};
/** Of HTTP/1.1 alone: every attempt is suspended at the first wait, because there is no way to tell it anything. */
export const REQUEST_BY_REQUEST: Mode = {
  name: "request by request",
  short: "request by request",
  inactivityTimeoutMs: 60_000,
};
export const MODES: readonly Mode[] = [OPEN, SUSPENDED];

export function suiteTitle(language: string, mode: Mode): string {
  return `Restate's SDK for ${language}, ${mode.name}`;
}
