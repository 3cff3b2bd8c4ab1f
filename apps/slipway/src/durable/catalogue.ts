import { object, shared, type SharedContext } from "@holdfast/sdk";

/** `open`: under way, or interrupted and to be continued. */
export type DeploymentStatus = "open" | "live" | "failed" | "superseded";

export interface DeploymentEntry {
  readonly deployment: string;
  readonly app: string;
  readonly host: string;
  /** Where the source was taken from. */
  readonly directory: string;
  readonly number: number;
  /** Milliseconds since the Unix epoch. */
  readonly createdAt: number;
  readonly status: DeploymentStatus;
  /** Digest of the source, once it is known. */
  readonly source?: string;
  /** Why it failed. */
  readonly reason?: string;
}

export type NewDeployment = Pick<DeploymentEntry, "deployment" | "app" | "host" | "directory">;
export type DeploymentEnd = Pick<DeploymentEntry, "deployment" | "source" | "reason"> & {
  readonly status: Exclude<DeploymentStatus, "open">;
};

/** Key of the only catalogue there is. */
export const CATALOGUE = "all";

const ENTRIES = "deployments";
const COUNTERS = "counters";

/**
 * All deployments. An entry is made before its workflow is started and ended by the workflow, so whoever starts after a
 * crash finds here what was under way.
 */
export function defineCatalogue() {
  return object("catalogue", {
    begin: async (ctx, added: NewDeployment): Promise<DeploymentEntry> => {
      const entries = await entriesIn(ctx);
      const known = entries.find(({ deployment }) => deployment === added.deployment);
      if (known !== undefined) return known;
      const counters = (await ctx.state.get<Readonly<Record<string, number>>>(COUNTERS)) ?? {};
      const number = (counters[added.app] ?? 0) + 1;
      const createdAt = await ctx.date.now();
      const entry: DeploymentEntry = { ...added, number, createdAt, status: "open" };
      ctx.state.set(COUNTERS, { ...counters, [added.app]: number });
      ctx.state.set(ENTRIES, [...entries, entry]);
      return entry;
    },

    end: async (ctx, end: DeploymentEnd): Promise<void> => {
      const entries = await entriesIn(ctx);
      ctx.state.set(
        ENTRIES,
        entries.map((entry) => (entry.deployment === end.deployment ? { ...entry, ...end } : entry)),
      );
    },

    forget: async (ctx, deployment: string): Promise<void> => {
      const entries = await entriesIn(ctx);
      ctx.state.set(
        ENTRIES,
        entries.filter((entry) => entry.deployment !== deployment),
      );
    },

    /** Oldest first. */
    list: shared({}, (ctx: SharedContext) => entriesIn(ctx)),
  });
}

async function entriesIn(ctx: SharedContext): Promise<readonly DeploymentEntry[]> {
  return (await ctx.state.get<readonly DeploymentEntry[]>(ENTRIES)) ?? [];
}
