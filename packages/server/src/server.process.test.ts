/** What is left behind when a start fails, and what becomes of work when a directory changes hands. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

import { service, type Servable } from "@holdfast/sdk";

import { loadConfig, type LoadedConfig } from "./config.ts";
import { Holdfast } from "./embedded.ts";
import { startServer } from "./server.ts";

const napper = service("napper", {
  nap: async (ctx) => {
    await ctx.sleep("300ms");
    return "rested";
  },
});

function temporaryDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-server-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function configOf(directory: string, settings: Record<string, unknown> = {}): LoadedConfig {
  return loadConfig({ arguments: { data: directory, "ingress.port": 0, "admin.port": 0, ...settings } });
}

test("a server whose port is taken lets go of the directory, and of the engine with it", async (t) => {
  const directory = temporaryDirectory(t);
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const { port } = other.address() as { port: number };
  for (const key of ["ingress.port", "admin.port"]) {
    await assert.rejects(startServer({ config: configOf(directory, { [key]: port }) }), {
      code: "EADDRINUSE",
    });
  }
  other.close();
  const warnings: string[] = [];
  const server = await startServer({ config: configOf(directory), onWarning: (text) => warnings.push(text) });
  await server.close();
  assert.deepEqual(
    warnings.filter((text) => text.includes("checkpoint")),
    [],
  );
});

test("an embedded engine that cannot start lets go of its directory", async (t) => {
  const dir = temporaryDirectory(t);
  const misnamed: Servable = service("openapi", { go: async () => 1 });
  await assert.rejects(Holdfast.open({ dir, services: [misnamed] }));
  const engine = await Holdfast.open({ dir, services: [napper] });
  await engine.close();
});

test("what an embedded engine left in flight waits for it while a server has the directory, and is not paused", async (t) => {
  const dir = temporaryDirectory(t);
  const before = await Holdfast.open({ dir, services: [napper] });
  const { invocationId } = await before.send(napper.nap);
  await before.close();

  const server = await startServer({ config: configOf(dir) });
  const row = () => server.engine.tables.invocations.get(invocationId);
  while (row()?.lastFailure === undefined) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(row()?.lastFailure?.code, "deployment-unavailable");
  assert.notEqual(row()?.status, "paused");
  await server.close();

  const after = await Holdfast.open({ dir, services: [napper] });
  assert.equal(await after.handle(invocationId).attach(), "rested");
  await after.close();
});
