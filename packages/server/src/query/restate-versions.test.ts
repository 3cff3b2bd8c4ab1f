/** Versions of Restate's protocol, as its tools look for them. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { service } from "@holdfast/sdk";

import { ScriptedRestate, scriptedRestateManifest } from "../invoker/restate/scripted-restate.contract.ts";
import { QueryRig } from "./query-rig.contract.ts";

test("deployments and invocations tell which versions of Restate's protocol they speak", async (t) => {
  const endpoint = await ScriptedRestate.listen();
  t.after(() => endpoint.close());
  endpoint.manifest = { ...scriptedRestateManifest, minProtocolVersion: 4, maxProtocolVersion: 5 };
  const rig = await QueryRig.start(t, [service("ours", { go: async () => 1 })]);
  const answer = await rig.post({ uri: endpoint.url }, {}, "/deployments");
  assert.equal(answer.status, 201, await answer.text());
  const theirs = await rig.send("/script/go");
  const ours = await rig.send("/ours/go");
  await rig.until(ours, "completed");
  await rig.until(theirs, "running");
  assert.deepEqual(
    await rig.rows(
      "SELECT min_service_protocol_version AS min, max_service_protocol_version AS max FROM sys_deployment ORDER BY min",
    ),
    [{}, { min: 4, max: 5 }],
  );
  const pinned = "SELECT pinned_service_protocol_version AS pinned FROM sys_invocation WHERE id = ?";
  assert.deepEqual(await rig.rows(pinned, [theirs]), [{ pinned: 5 }]);
  assert.deepEqual(await rig.rows(pinned, [ours]), [{}]);
  const filtered = "SELECT id FROM sys_invocation_status WHERE pinned_service_protocol_version = 5";
  assert.deepEqual(await rig.rows(filtered), [{ id: theirs }]);
});

test("an invocation is resumed only where its version of Restate's protocol is spoken", async (t) => {
  const older = await ScriptedRestate.listen();
  const newer = await ScriptedRestate.listen();
  t.after(() => Promise.all([older.close(), newer.close()]));
  older.manifest = { ...scriptedRestateManifest, maxProtocolVersion: 5 };
  newer.manifest = { ...scriptedRestateManifest, minProtocolVersion: 6 };
  const rig = await QueryRig.start(t);
  const register = async (uri: string): Promise<string> => {
    const answer = await rig.post({ uri }, {}, "/deployments");
    return ((await answer.json()) as { id: string }).id;
  };
  await register(older.url);
  const id = await rig.send("/script/go");
  await rig.until(id, "running");
  const patch = (path: string): Promise<Response> =>
    fetch(`${rig.server.adminUrl}/v3/invocations/${id}/${path}`, { method: "PATCH" });
  assert.equal((await patch("pause")).status, 202);
  const refused = await patch(`resume?deployment=${await register(newer.url)}`);
  assert.equal(refused.status, 400);
  assert.match(
    await refused.text(),
    /speaks the versions 6 to 7 of Restate's protocol, and what is recorded needs 5/,
  );
  assert.equal((await patch("resume?deployment=keep")).status, 200);
});
