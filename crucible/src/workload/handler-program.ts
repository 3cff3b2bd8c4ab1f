/** The process that serves the workload: `handler-program.ts PORT LEDGER`. Prints the port it got. */
import { serve } from "@holdfast/sdk";

import { workloadServices } from "./handlers.ts";
import { LedgerWriter } from "./ledger-file.ts";

const [port = "0", ledger = ""] = process.argv.slice(2);
const endpoint = await serve({
  services: workloadServices(new LedgerWriter(ledger)),
  port: Number(port),
  log: () => {},
});
console.log(`listening ${endpoint.port}`);
