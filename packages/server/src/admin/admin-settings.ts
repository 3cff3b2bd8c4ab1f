import type { ConfigEntryInfo, LimitInfo, VersionInfo } from "@holdfast/protocol";

import type { ReceiveBudget } from "../http/receive-budget.ts";
import type { QueryHost } from "../query/query-host.ts";

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
  /** Who runs queries; without it there are none. */
  readonly queries?: QueryHost;
  readonly startedAt: number;
  readonly version: VersionInfo;
  readonly limits: readonly LimitInfo[];
  readonly config: readonly ConfigEntryInfo[];
};
