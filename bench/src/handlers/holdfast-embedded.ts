/** Holdfast inside a program, on disk. Arguments: data directory, milliseconds of warm-up and of measuring. */
import { workflow } from "@holdfast/sdk";
import { Holdfast } from "@holdfast/server";

import { keepGoing, loadOfArguments } from "./embedded-load.ts";

const [dir = ""] = process.argv.slice(2);
process.on("disconnect", () => process.exit());

const flow = workflow("flow", {}, async (ctx, steps: number) => {
  let sum = 0;
  for (let step = 1; step <= steps; step++) sum += await ctx.run("step", () => step);
  return sum;
});

const engine = await Holdfast.open({ dir, services: [flow] });
await keepGoing(loadOfArguments(), (key, steps) => engine.call(flow, key, steps));
await engine.close();
process.disconnect();
