import { service } from "@holdfast/sdk";

import type { Region } from "../ports/region.ts";
import type { TreeStore } from "../ports/tree-store.ts";
import type { Workspace } from "../ports/workspace.ts";
import { CATALOGUE, type defineCatalogue } from "./catalogue.ts";
import type { defineDomain } from "./domain.ts";
import type { Removal } from "./references.ts";
import type { defineRegion } from "./region.ts";

export interface CleanupParts {
  readonly regions: readonly Region[];
  readonly store: TreeStore;
  readonly workspace: Workspace;
  readonly domain: ReturnType<typeof defineDomain>;
  readonly region: ReturnType<typeof defineRegion>;
  readonly catalogue: ReturnType<typeof defineCatalogue>;
}

/** Removes what nobody needs any more. Sent days ahead; whoever needs it after all cancels the send. */
export function defineCleanup(parts: CleanupParts) {
  const { regions, store, workspace, domain, region, catalogue } = parts;
  return service("cleanup", {
    remove: async (ctx, { deployment, host }: Removal): Promise<void> => {
      // The domain has the last word, in its turn: after this nothing leads to the deployment, and nothing ever will.
      const isRetired = await ctx.call(domain.retire, host, deployment);
      if (!isRetired) return;
      await Promise.all(
        regions.map(async (place) => {
          await ctx.call(region.withdraw, place.name, deployment);
          await ctx.run(`gone from ${place.name}`, () => place.whenStopped(deployment));
        }),
      );
      await ctx.run("delete source and artifact", () => store.release(deployment));
      await ctx.call(catalogue.forget, CATALOGUE, deployment);
      await ctx.run("delete logs", () => workspace.remove(deployment));
    },
  });
}
