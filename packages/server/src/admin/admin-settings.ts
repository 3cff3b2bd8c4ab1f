import type { ConfigEntryInfo, LimitInfo, VersionInfo } from "@holdfast/protocol";

import type { ReceiveBudget } from "../http/receive-budget.ts";

/** What of the configuration the admin API needs. */
export type AdminSettings = {
  /** Required of every request when there is one. */
  readonly token: string | undefined;
  /** Names that Host may hold, see `allowedHosts`; empty: any. */
  readonly hosts: readonly string[];
  readonly bodyBytesMax: number;
  readonly budget: ReceiveBudget;
  readonly keyBytesMax: number;
  readonly jsonDepthMax: number;
  readonly startedAt: number;
  readonly version: VersionInfo;
  readonly limits: readonly LimitInfo[];
  readonly config: readonly ConfigEntryInfo[];
};
