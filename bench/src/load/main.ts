/** The load generator, a process of its own that is the same for all contenders. It runs one plan at a time. */
import type { LoadCommand, LoadEvent } from "./plan.ts";
import { runPlan } from "./run-plan.ts";

process.on("message", (command: LoadCommand) => void run(command));
process.on("disconnect", () => process.exit());

async function run({ id, plan }: LoadCommand): Promise<void> {
  try {
    const result = await runPlan(plan, {
      onMeasuring: () => tell({ id, kind: "measuring" }),
      onMeasured: () => tell({ id, kind: "measured" }),
    });
    tell({ id, kind: "done", result });
  } catch (error) {
    tell({ id, kind: "failed", message: error instanceof Error ? error.message : String(error) });
  }
}

function tell(event: LoadEvent): void {
  process.send?.(event);
}
