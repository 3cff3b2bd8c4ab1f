import type { ReceiveBudget } from "../http/receive-budget.ts";
import type { Authenticate } from "./auth/authenticator.ts";

/** What of the configuration the ingress needs. */
export type IngressSettings = {
  readonly bodyBytesMax: number;
  readonly budget: ReceiveBudget;
  readonly keyBytesMax: number;
  readonly idempotencyKeyBytesMax: number;
  readonly jsonDepthMax: number;
  /** Calls and attaches that wait for a result at the same time. */
  readonly waitingCallsMax: number;
  /** Patterns, see `headerFilter`. */
  readonly storedHeaders: readonly string[];
  /** Origins whose pages may call; empty: none. */
  readonly corsOrigins: readonly string[];
  /** Names that Host may hold, see `allowedHosts`; empty: any. */
  readonly hosts: readonly string[];
  /** Refuse what a browser sends for another origin's page. On for listeners on a loopback address. */
  readonly refuseCrossSite: boolean;
  /** Who calls; undefined: everyone may, and nobody has a name. */
  readonly authenticate: Authenticate | undefined;
};
