/** A process of its own, because Node reads the proxy environment when it starts: asks the endpoint named by argv. */
import { request } from "node:http";

import { discover } from "./discovery.ts";
import { anyAddress } from "./session-harness.contract.ts";

const [, , url = ""] = process.argv;
const manifest = await discover(url, {}, anyAddress());
console.log(`discovered ${manifest.sdk}`);
// What the environment does to a request that does not know better, so that the test can tell that it was in force.
request(url, (response) => response.resume()).end();
