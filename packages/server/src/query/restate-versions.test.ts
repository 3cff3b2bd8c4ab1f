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
