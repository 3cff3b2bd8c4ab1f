import { object, shared, type ObjectContext, type SharedContext } from "@holdfast/sdk";

import type { DesiredInstances, InstanceSpec, Region } from "../ports/region.ts";
import type { StepRecorder } from "../steps/step-recorder.ts";

export interface RegionPorts {
  readonly regions: readonly Region[];
  readonly recorder: StepRecorder;
}

const DESIRED = "desired";
const NOTHING: DesiredInstances = { generation: 0, instances: [] };

/**
 * What each region is to run. The object holds the wish, the region behind the port makes it come true: now, and again
 * after it was killed, when it is told the wish anew.
 */
export function defineRegion(ports: RegionPorts) {
  return object("region", {
    place: async (ctx, spec: InstanceSpec): Promise<void> => {
      const { generation, instances } = await desiredIn(ctx);
      const others = instances.filter(({ deployment }) => deployment !== spec.deployment);
      const desired = { generation: generation + 1, instances: [...others, spec] };
      await change(ctx, ports, desired, { deployment: spec.deployment, name: `start ${ctx.key}` });
    },

    withdraw: async (ctx, deployment: string): Promise<void> => {
      const { generation, instances } = await desiredIn(ctx);
      const others = instances.filter((spec) => spec.deployment !== deployment);
      const desired = { generation: generation + 1, instances: others };
      await change(ctx, ports, desired, { deployment, name: `stop ${ctx.key}` });
    },

    read: shared({}, (ctx: SharedContext) => desiredIn(ctx)),
  });
}

async function desiredIn(ctx: SharedContext): Promise<DesiredInstances> {
  return (await ctx.state.get<DesiredInstances>(DESIRED)) ?? NOTHING;
}

async function change(
  ctx: ObjectContext,
  ports: RegionPorts,
  desired: DesiredInstances,
  step: { readonly deployment: string; readonly name: string },
): Promise<void> {
  ctx.state.set(DESIRED, desired);
  await ctx.run(step.name, ({ idempotencyKey }) =>
    ports.recorder.record({ ...step, key: idempotencyKey }, () =>
      regionNamed(ports.regions, ctx.key).apply(desired),
    ),
  );
}

export function regionNamed(regions: readonly Region[], name: string): Region {
  const region = regions.find((each) => each.name === name);
  if (region === undefined)
    throw new Error(
      `There is no region "${name}". There are: ${regions.map((each) => each.name).join(", ")}.`,
    );
  return region;
}
