/** Handlers that encrypt: what lies on the disk, what becomes of moved and unreadable values, and of a change of keys. */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

import { objectKey } from "@holdfast/engine";
import {
  aesGcmCodec,
  object,
  serve,
  service,
  workflow,
  type ServedEndpoint,
  type ValueCodec,
} from "@holdfast/sdk";
import { z } from "zod";

import { systemClock } from "./clock.ts";
import { openDataDirectory } from "./data-directory.ts";
import { LocalClient } from "./embedded/local-client.ts";
import { Engine } from "./engine.ts";
import { eventually } from "./invoker/session-harness.contract.ts";

const CANARY = "canary-7d1f2c";
const KEYS = { old: new Uint8Array(32).fill(1), new: new Uint8Array(32).fill(2) };
const before = aesGcmCodec({ keys: { old: KEYS.old }, current: "old" });
const after = aesGcmCodec({ keys: KEYS, current: "new" });

const vault = object("vault", {
  keep: async (ctx, value: string) => {
    const kept = (await ctx.state.get<string>("kept")) ?? "";
    ctx.state.set("kept", kept + value);
    return kept + value;
  },
});
let caught: unknown;
const order = workflow(
  "order",
  { input: z.string(), promises: { approval: z.string() } },
  async (ctx, card) => {
    try {
      const receipt = await ctx.run("charge", () => `receipt of ${card}`);
      const kept = await ctx.call(vault.keep, "k", receipt);
      const approval = await ctx.promise("approval");
      return `${kept} ${approval}`;
    } catch (error) {
      caught = error;
      throw error;
    }
  },
);
const clerk = service("clerk", {
  again: async (ctx, value: string) =>
    Promise.all([1, 2].map(() => ctx.call(vault.keep, "same", value, { idempotencyKey: "once" }))),
});
const services = [order, vault, clerk];

class World {
  readonly dir: string;
  readonly engine: Engine;
  readonly client: LocalClient;
  endpoint: ServedEndpoint;
  readonly #close: () => Promise<void>;

  private constructor(dir: string, engine: Engine, endpoint: ServedEndpoint, close: () => Promise<void>) {
    this.dir = dir;
    this.engine = engine;
    this.client = new LocalClient(engine);
    this.endpoint = endpoint;
    this.#close = close;
  }

  static async open(t: TestContext, codec: ValueCodec): Promise<World> {
    const dir = mkdtempSync(join(tmpdir(), "holdfast-encrypted-"));
    const directory = await openDataDirectory(dir);
    const engine = await Engine.open({
      clock: systemClock,
      log: directory.log,
      store: directory.store,
      onFailed: (reason) => assert.fail(reason),
      onWarning: (message) => assert.fail(message),
    });
    const endpoint = await serve({ services, port: 0, codec, drainTimeout: "1s" });
    const world = new World(dir, engine, endpoint, async () => {
      await engine.close();
      await directory.close();
    });
    t.after(() => world.close());
    const outcome = await engine.propose({
      kind: "register-deployment",
      id: engine.deploymentId(),
      url: endpoint.url,
      manifest: await engine.discover(endpoint.url, {}),
      metadata: {},
      headers: {},
      force: false,
      breaking: false,
      dryRun: false,
    });
    assert.ok(outcome.ok);
    return world;
  }

  /** The same handlers at the same address, with other keys. */
  async restart(codec: ValueCodec): Promise<void> {
    const { port } = this.endpoint;
    await this.endpoint.close();
    this.endpoint = await serve({ services, port, codec, drainTimeout: "1s" });
  }

  async start(key: string, card: string): Promise<string> {
    // What a caller with the key sends: the encrypted value is JSON.
    const bytes = before.encode(card, "input", { kind: "input", service: "order", handler: "run", key });
    const { invocationId } = await this.client.send(
      order,
      key,
      JSON.parse(Buffer.from(bytes).toString()) as string,
    );
    return invocationId;
  }

  status(id: string): string {
    return this.engine.tables.invocations.get(id)?.status ?? "gone";
  }

  /** Whether it has come to where it waits for its approval. */
  waits(id: string): boolean {
    const open = this.engine.tables.invocations.get(id)?.open.values() ?? [];
    return [...open].some(({ kind }) => kind === "promise");
  }

  reason(id: string): string {
    return (
      this.engine.tables.invocations
        .get(id)
        ?.events.map(({ message }) => message)
        .join("\n") ?? ""
    );
  }

  async close(): Promise<void> {
    await this.endpoint.close();
    await this.#close();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

function filesIn(dir: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

test("nothing that was encrypted can be read in any file of the data directory, and nobody else can read the outcome", async (t) => {
  const world = await World.open(t, before);
  const id = await world.start("first", CANARY);
  await eventually(() => world.waits(id), "the wait for approval");
  await world.client
    .promise(order, "first", "approval")
    .resolve(sealedPromise("first", `${CANARY} approved`));
  const output = await world.client.handle(id).attach();
  const place = { kind: "output", invocationId: id } as const;
  const stored = Buffer.from(JSON.stringify(output));
  assert.equal(before.decode(stored, place), `receipt of ${CANARY} ${CANARY} approved`);
  await world.engine.checkpoint();
  const files = filesIn(world.dir);
  assert.ok(
    files.some((file) => file.endsWith("checkpoint.db")) && files.some((file) => file.includes("/log/")),
  );
  for (const file of files) assert.ok(!readFileSync(file).includes(CANARY), file);
  // The search can find something: names are in clear.
  assert.ok(files.some((file) => readFileSync(file).includes("charge")));
});

function sealedPromise(key: string, value: string): unknown {
  const bytes = before.encode(value, "promise", { kind: "promise", service: "order", key, name: "approval" });
  return JSON.parse(Buffer.from(bytes).toString());
}

test("keys change while an invocation waits: what was recorded is read with the old one, what follows is written with the new one", async (t) => {
  const world = await World.open(t, before);
  const id = await world.start("rotated", "a");
  await eventually(() => world.waits(id), "the wait for approval");
  await world.restart(after);
  await world.client.promise(order, "rotated", "approval").resolve(sealedPromise("rotated", "b"));
  const output = await world.client.handle(id).attach();
  assert.equal(
    after.decode(Buffer.from(JSON.stringify(output)), { kind: "output", invocationId: id }),
    "receipt of a b",
  );
  assert.match(JSON.stringify(output), /"v1","new"/);
});

test("a missing key pauses, past every try and catch of the handler, and with the key back the invocation goes on", async (t) => {
  const world = await World.open(t, before);
  const id = await world.start("lost", "a");
  await eventually(() => world.waits(id), "the wait for approval");
  caught = undefined;
  await world.restart(aesGcmCodec({ keys: { new: KEYS.new }, current: "new" }));
  await world.client.promise(order, "lost", "approval").resolve(sealedPromise("lost", "b"));
  await eventually(() => world.status(id) === "paused", "the pause");
  assert.match(world.reason(id), /encrypted with the key "old", which this handler does not have/);
  assert.equal(caught, undefined);
  await world.restart(before);
  assert.ok((await world.engine.propose({ kind: "resume", id, deployment: undefined })).ok);
  const output = await world.client.handle(id).attach();
  assert.equal(
    before.decode(Buffer.from(JSON.stringify(output)), { kind: "output", invocationId: id }),
    "receipt of a b",
  );
});

test("a value in clear is not believed: the invocation pauses and says what to do", async (t) => {
  const world = await World.open(t, before);
  const { invocationId: id } = await world.client.send(order, "clear", "in clear");
  await eventually(() => world.status(id) === "paused", "the pause");
  assert.match(world.reason(id), /input of order\/run is not encrypted.*acceptPlain/s);
});

test("state that was swapped between two keys in the engine does not open there", async (t) => {
  const world = await World.open(
    t,
    aesGcmCodec({ keys: { old: KEYS.old }, current: "old", acceptPlain: ["input"] }),
  );
  await world.client.call(vault.keep, "mine", "my value");
  await world.client.call(vault.keep, "yours", "your value");
  const stored = world.engine.tables.objects.get(objectKey("vault", "mine"))?.state.get("kept");
  assert.ok(stored);
  const outcome = await world.engine.propose({
    kind: "patch-state",
    service: "vault",
    key: "yours",
    expectedVersion: -1,
    entries: [["kept", stored]],
  });
  assert.ok(outcome.ok);
  const { invocationId: id } = await world.client.send(vault.keep, "yours", "more");
  await eventually(() => world.status(id) === "paused", "the pause");
  assert.match(world.reason(id), /state "kept" does not open.*moved here from another place/s);
});

test("two calls with one idempotency key and one input are one invocation, though the input is encrypted", async (t) => {
  const world = await World.open(
    t,
    aesGcmCodec({ keys: { old: KEYS.old }, current: "old", acceptPlain: ["input"] }),
  );
  const output = await world.client.call(clerk.again, "v");
  const [id] = [...world.engine.tables.invocations.loaded(() => true)].find(
    ([, row]) => row?.target.service === "clerk",
  ) ?? [""];
  assert.deepEqual(before.decode(Buffer.from(JSON.stringify(output)), { kind: "output", invocationId: id }), [
    "v",
    "v",
  ]);
});
