// DBOS as it is meant: inside a program. Arguments: the address of the database, milliseconds of warm-up and of measuring.

import { DBOS } from "@dbos-inc/dbos-sdk";

import { keepGoing, loadOfArguments } from "../src/handlers/embedded-load.ts";

const [database = ""] = process.argv.slice(2);
process.on("disconnect", () => process.exit());

const flow = DBOS.registerWorkflow(
  async (steps) => {
    let sum = 0;
    for (let step = 1; step <= steps; step++) sum += await DBOS.runStep(async () => step, { name: "step" });
    return sum;
  },
  { name: "flow" },
);

DBOS.setConfig({ name: "holdfast-bench", systemDatabaseUrl: database, logLevel: "warn" });
await DBOS.launch();
await keepGoing(loadOfArguments(), async (key, steps) => {
  const handle = await DBOS.startWorkflow(flow, { workflowID: key })(steps);
  return handle.getResult();
});
await DBOS.shutdown();
process.disconnect();
