/**
 * The program of `tls.process.test.ts`. It runs in a process whose environment says whose certificates count. Arguments: files
 * of a key and of its certificate for "localhost". Prints how each kind of endpoint was reached, and what came of a call.
 */
import { readFileSync } from "node:fs";
import { createSecureServer } from "node:http2";
import { createServer } from "node:https";
import type { AddressInfo, Server } from "node:net";

import { defaultFoldSettings } from "@holdfast/engine";
import { LocalClient } from "@holdfast/server";
import { Engine, MemoryLog, MemoryStore, systemClock } from "@holdfast/server/parts";
import { createEndpointHandler } from "@restatedev/restate-sdk";

import { services } from "./scenarios.contract.ts";
import { ref } from "./world.contract.ts";

const [keyFile = "", certificateFile = ""] = process.argv.slice(2);
const pem = { key: readFileSync(keyFile), cert: readFileSync(certificateFile) };
const handle = createEndpointHandler({ services, logger: () => {} });

const fail = (reason: unknown): void => {
  console.error(reason);
  process.exitCode = 1;
};
const engine = await Engine.open({
  clock: systemClock,
  log: await MemoryLog.open(),
  store: await MemoryStore.open(),
  settings: defaultFoldSettings,
  onFailed: fail,
  onWarning: fail,
});
const client = new LocalClient(engine);

async function reach(name: string, server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    server.listen(0, () => resolve());
  });
  const url = `https://localhost:${(server.address() as AddressInfo).port}`;
  const manifest = await engine.discover(url, {});
  const outcome = await engine.propose({
    kind: "register-deployment",
    id: engine.deploymentId(),
    url,
    manifest,
    metadata: {},
    headers: {},
    force: false,
    breaking: true,
    dryRun: false,
  });
  const answer = outcome.ok ? await client.call(ref<string, string>("callers/call"), name) : outcome.message;
  console.log(JSON.stringify([manifest.restate?.http, manifest.restate?.mode, answer]));
}

await reach("HTTP/2 alone", createSecureServer(pem, handle));
await reach("both", createSecureServer({ ...pem, allowHTTP1: true }, handle));
await reach("HTTP/1.1 alone", createServer(pem, handle));
// Servers and connections would keep the process alive.
process.exit();
