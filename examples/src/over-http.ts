// The three parts as they run in production, each in the place of its own process: handlers, server, and a caller.
//
//   node examples/src/over-http.ts

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { connect } from "@holdfast/client";
import { serve } from "@holdfast/sdk";
import { loadConfig, startServer } from "@holdfast/server";

import { counter } from "./counter.ts";

/** Starts everything, calls a handler through all of it, and stops. Returns what the caller got. */
export async function overHttp(): Promise<number> {
  const data = await mkdtemp(join(tmpdir(), "holdfast-example-"));
  const handlers = await serve({ services: [counter], port: 0 });
  const config = loadConfig({ arguments: { data: join(data, "data"), "ingress.port": 0, "admin.port": 0 } });
  const server = await startServer({ config });
  try {
    const holdfast = connect({ url: server.ingressUrl, adminUrl: server.adminUrl });
    await holdfast.admin.deployments.register({ url: handlers.url });
    await holdfast.call(counter.add, "visits", 2);
    return await holdfast.call(counter.add, "visits", 3, { idempotencyKey: "second" });
  } finally {
    await server.close();
    await handlers.close();
    await rm(data, { recursive: true });
  }
}

if (import.meta.main) console.log(await overHttp());
