/** One program in several languages, each in Restate's SDK for it and in a process of its own. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { describe, it } from "node:test";

import { isBuilt, LANGUAGES, type Language } from "./languages.ts";
import { keyedRef, pause, ref, World } from "./world.contract.ts";

const REGISTER_TRIES = 200;
const REGISTER_PAUSE_MS = 50;

/** None is reserved: somebody else may take it before the program does, and then registering fails. */
async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** An engine that has registered the program of a language, which ends with it. */
async function open({ run: [command, ...args] }: Language, inactivityTimeoutMs: number): Promise<World> {
  const port = await freePort();
  const child = spawn(command, [...args, String(port)], { stdio: "ignore" });
  const close = async (): Promise<void> => {
    if (child.exitCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  };
  const url = `http://127.0.0.1:${port}`;
  const world = await World.open([], { settings: { inactivityTimeoutMs } });
  world.closeWith({ url, close });
  for (let tries = 1; ; tries++) {
    try {
      await world.register(url);
      return world;
    } catch (error) {
      if (tries === REGISTER_TRIES) throw error;
      await pause(REGISTER_PAUSE_MS);
    }
  }
}

const modes = [
  ["with both directions open", 60_000],
  ["suspended at every wait", 0],
] as const;

for (const language of LANGUAGES) {
  const { name, tool, handlerName } = language;
  if (!isBuilt(language)) {
    console.log(`NOT TRIED: Restate's SDK for ${name}. Needs ${tool} and the network, once: npm run interop`);
  }
  for (const [mode, inactivityTimeoutMs] of modes) {
    describe(`Restate's SDK for ${name}, ${mode}`, { skip: !isBuilt(language) }, () => {
      it("has steps, limits of tries, state, calls, awakeables, promises and failures", async () => {
        const world = await open(language, inactivityTimeoutMs);
        const { client } = world;
        const at = (service: string, handler: string): string => `${service}/${handlerName(handler)}`;
        assert.equal(await client.call(ref(at("sample", "echo")), "hi"), "hi");
        assert.deepEqual(await client.call(ref(at("sample", "steps")), "a"), ["one:1", "two:1", "three:1"]);
        assert.equal(await client.call(ref(at("sample", "hopeless")), "b"), "gave up after 3");
        await assert.rejects(client.call(ref(at("sample", "terminal"))), {
          message: "that was it",
          status: 418,
        });
        assert.deepEqual(await client.call(ref(at("sample", "relay")), "k"), [1, 3, 6]);
        assert.equal(await client.call(ref(at("sample", "awake"))), "woken");
        const run = await client.send(keyedRef(at("flow", "run"), "run"), "w", "approved by");
        await client.call(keyedRef(at("flow", "approve"), "shared"), "w", "me");
        assert.equal(await run.attach(), "approved by me");
        assert.deepEqual(world.troubles, []);
      });
    });
  }
}
