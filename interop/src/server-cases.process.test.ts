/** What Restate's `e2e-tests` ask of a server, of the real one with handlers of the SDK for TypeScript. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";

import { EngineProcess } from "./engine-process.contract.ts";
import { serveOverHttp2, type ServedEndpoint } from "./restate-endpoint.ts";
import { mended, services, versioned } from "./server-cases.contract.ts";
import { MODES, suiteTitle } from "./suite-titles.ts";
import { fresh, pause } from "./world.contract.ts";

type Server = () => EngineProcess;

const folder = mkdtempSync(join(tmpdir(), "holdfast-interop-"));
after(() => rmSync(folder, { recursive: true, force: true }));

for (const mode of MODES) {
  describe(`${suiteTitle("TypeScript", mode)}: a server`, () => {
    let engine: EngineProcess;
    const endpoints: ServedEndpoint[] = [];
    const serve = async (bound: Parameters<typeof serveOverHttp2>[0]["services"]): Promise<string> => {
      const endpoint = await serveOverHttp2({ services: bound });
      endpoints.push(endpoint);
      return engine.register(endpoint.url);
    };
    before(async () => {
      const settings = [`session.inactivityTimeout=${mode.inactivityTimeoutMs}ms`];
      engine = await EngineProcess.start(join(folder, fresh("data")), settings);
      await serve(services);
    });
    after(async () => {
      await engine.end("SIGKILL");
      for (const endpoint of endpoints) await endpoint.close();
    });
    ingress(() => engine);
    operators(() => engine);
    upgrades(() => engine, serve);
  });
}

/** The id of the awakeable of who was given the name. */
async function pinned(engine: EngineProcess, name: string): Promise<string> {
  for (;;) {
    const id = await engine.call(`board/${name}/read`, undefined);
    if (typeof id === "string") return id;
    await pause(5);
  }
}

async function become(engine: EngineProcess, id: string, status: string): Promise<void> {
  while ((await engine.invocation(id)).status !== status) await pause(5);
}

function ingress(server: Server): void {
  const json = { "content-type": "application/json" };

  it("lets callers reject an awakeable [AwakeableIngressEndpointTest.completeWithFailure]", async () => {
    const engine = server();
    const name = fresh("rejected");
    const waiting = engine.answer("ingress", "/restate/call/desk/awakeable", {
      headers: json,
      body: JSON.stringify(name),
    });
    const id = await pinned(engine, name);
    const headers = { "content-type": "text/plain" };
    const path = `/restate/awakeables/${id}/reject`;
    assert.equal((await engine.answer("ingress", path, { headers, body: "very bad" })).status, 202);
    const answer = await waiting;
    assert.equal(answer.status, 500);
    assert.match(await answer.text(), /very bad/);
  });

  it("runs a service once per idempotency key [IngressTest.idempotentInvokeService]", async () => {
    const engine = server();
    const name = fresh("counted");
    const call = async (): Promise<unknown> => engine.call("desk/counted", name, "once");
    assert.deepEqual([await call(), await call()], [1, 1]);
    assert.equal(await engine.call("desk/counted", name, "twice"), 2);
  });

  it("has no result before there is one, and then the same for all [IngressTest.idempotentSendThenAttach]", async () => {
    const engine = server();
    const name = fresh("attached");
    const { invocationId } = await engine.submit("desk/awakeable", name, name);
    const path = `/restate/invocation/desk/awakeable/${name}`;
    const attached = engine.answer("ingress", `${path}/attach`, { method: "GET" });
    assert.equal((await engine.answer("ingress", `${path}/output`, { method: "GET" })).status, 470);
    await engine.resolveAwakeable(await pinned(engine, name), "there");
    assert.equal(await (await attached).json(), "there");
    const output = await engine.answer("ingress", `${path}/output`, { method: "GET" });
    assert.equal(await output.json(), "there");
    assert.equal(await engine.attach(invocationId), "there");
  });

  it("refuses callers of a private service, and not handlers [IngressTest.privateService]", async () => {
    const engine = server();
    const direct = { headers: json, body: JSON.stringify("psst") };
    const refused = await engine.answer("ingress", "/restate/call/secret/whisper", direct);
    assert.ok(
      refused.status === 400 || refused.status === 403 || refused.status === 404,
      `${refused.status}`,
    );
    assert.equal(await engine.call("desk/whisper", "psst"), "psst");
  });

  it("passes on a failure's metadata [UserErrors.withMetadata]", async () => {
    const answer = await server().answer("ingress", "/restate/call/desk/refuse", {});
    assert.equal(answer.status, 422);
    const body = (await answer.json()) as { message: string; metadata: unknown };
    assert.deepEqual([body.message, body.metadata], ["refused", { one: "1", two: "2" }]);
  });

  it("passes bytes in both directions [Ingress.rawHandler]", async () => {
    const bytes = crypto.getRandomValues(new Uint8Array(100));
    const headers = { "content-type": "application/octet-stream" };
    const answer = await server().answer("ingress", "/restate/call/desk/raw", { headers, body: bytes });
    assert.equal(answer.status, 200, await answer.clone().text());
    assert.deepEqual(new Uint8Array(await answer.arrayBuffer()), bytes);
  });
}

function operators(server: Server): void {
  it("keeps the journal of what is completed [JournalRetentionTest.journalShouldBeRetained]", async () => {
    const engine = server();
    const id = await engine.send("desk/nap", undefined);
    assert.equal(await engine.attach(id), "rested");
    const types = (await engine.journal(id)).map(({ type }) => type);
    assert.deepEqual(types, ["Input", "Sleep", "SleepCompletion", "Output"]);
  });

  it("pauses what fails, and resumes it [PauseResumeTest.pauseAndResumeInvocation]", async () => {
    const engine = server();
    const name = fresh("broken");
    const id = await engine.send("desk/broken", name);
    await become(engine, id, "paused");
    mended.add(name);
    await engine.act(id, "resume", {});
    assert.equal(await engine.attach(id), "whole");
  });

  it("starts a failed invocation anew [RestartAsNewInvocationTest.restartCompletedWithTerminalException]", async () => {
    const engine = server();
    const name = fresh("anew");
    const id = await engine.send("desk/twice", name);
    await become(engine, id, "completed");
    mended.add(name);
    const { newInvocationId = "" } = await engine.act(id, "restart", {});
    assert.notEqual(newInvocationId, id);
    assert.equal(await engine.attach(newInvocationId), 2);
  });

  it("starts one anew with the results it had [RestartAsNewInvocationTest.restartFromPrefix]", async () => {
    const engine = server();
    const name = fresh("prefix");
    const id = await engine.send("desk/twice", name);
    await become(engine, id, "completed");
    mended.add(name);
    const { newInvocationId = "" } = await engine.act(id, "restart", { fromCommand: 1 });
    assert.equal(await engine.attach(newInvocationId), 1);
  });

  it("describes a service as OpenAPI [OpenAPITest.shouldGenerateValidOpenAPI]", async () => {
    const answer = await server().answer("admin", "/services/desk/openapi", { method: "GET" });
    const document = (await answer.json()) as { openapi: string; paths: Record<string, unknown> };
    assert.match(document.openapi, /^3\./);
    assert.ok(Object.keys(document.paths).some((path) => path.includes("/desk/nap")));
  });

  it("changes state that handlers then see [StatePatchingTest.shouldPatchState]", async () => {
    const engine = server();
    await engine.call("board/patched/pin", "before");
    const body = JSON.stringify({ entries: { text: "after" } });
    const headers = { "content-type": "application/json" };
    const answer = await engine.answer("admin", "/services/board/state/patched", {
      method: "PUT",
      headers,
      body,
    });
    assert.ok(answer.ok, `${answer.status}: ${await answer.text()}`);
    assert.equal(await engine.call("board/patched/read", undefined), "after");
  });
}

function upgrades(server: Server, serve: (bound: ReturnType<typeof versioned>) => Promise<string>): void {
  it("sends what is new to the newest deployment, and what waits back to its own [UpgradeWithNewInvocation.executesNewInvocationWithLatestServiceRevisions] [UpgradeWithInFlightInvocation.inFlightInvocation] [PauseResumeChangingDeploymentTest]", async () => {
    const engine = server();
    const name = fresh("waiting");
    await serve(versioned("v1"));
    const waiting = await engine.send("office/a/wait", name);
    const awakeable = await pinned(engine, name);
    const paused = await engine.send("repaired/go", undefined);
    await become(engine, paused, "paused");
    assert.equal(await engine.call("office/b/version", undefined), "v1");

    const deployment = await serve(versioned("v2"));
    assert.equal(await engine.call("office/b/version", undefined), "v2");
    await engine.resolveAwakeable(awakeable, "unlocked");
    assert.deepEqual(await engine.attach(waiting), ["v1", "unlocked", "v1"]);
    await engine.act(paused, "resume", { deployment });
    assert.equal(await engine.attach(paused), "v2");
  });
}
