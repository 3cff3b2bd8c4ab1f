import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { sendCommand } from "./control/control-client.ts";
import { properties } from "./durable/schema.ts";
import { findLeashes } from "./testing/find-leashes.ts";
import {
  controlOf,
  fetchPage,
  TestData,
  type SlipwayProcess,
  untilNothingRuns,
} from "./testing/slipway-process.ts";

const HOST = "sample-app.localhost";
const PORT = /visitors on port (\d+)/;

async function startLive(
  data: TestData,
  ...args: readonly string[]
): Promise<{ readonly slipway: SlipwayProcess; readonly port: number }> {
  const slipway = data.start(...args);
  const [, port] = await slipway.says(PORT);
  await slipway.says(/is live: /);
  return { slipway, port: Number(port) };
}

describe("npm start", () => {
  it("--once deploys the sample, has it answer through the edge, and leaves nothing running", async () => {
    await using data = new TestData();
    const slipway = data.start("--once");
    const exitCode = await slipway.exited;
    assert.equal(exitCode, 0, slipway.output);
    assert.match(slipway.output, /built 2 pages/);
    assert.match(slipway.output, /visit .*http:\/\/sample-app\.localhost answers 200/);
    assert.match(slipway.output, /sample-app is live: http:\/\/sample-app\.localhost:\d+/);
    await untilNothingRuns(data);
  });

  it("serves the deployment from both regions, deploys again and rolls back", async () => {
    await using data = new TestData();
    const { slipway, port } = await startLive(data);
    const regions = new Set<unknown>();
    for (let visits = 0; visits < 4; visits++) {
      const page = await fetchPage(port, HOST);
      assert.equal(page.status, 200);
      assert.match(page.body, /It floats/);
      regions.add(page.headers["x-slipway-region"]);
    }
    assert.deepEqual(regions, new Set(["fra", "iad"]));

    const first = properties(JSON.parse((await fetchPage(port, HOST, "/where")).body))["deployment"];
    const sample = new URL("../sample-app", import.meta.url).pathname;
    const again = await sendCommand(controlOf(data), "POST", "/deploy", { directory: sample });
    assert.equal(again.ok, true, JSON.stringify(again.body));
    assert.equal(again.body["previous"], first);
    const second = properties(JSON.parse((await fetchPage(port, HOST, "/where")).body))["deployment"];
    assert.equal(second, again.body["deployment"]);

    const back = await sendCommand(controlOf(data), "POST", "/rollback", {});
    assert.equal(back.ok, true, JSON.stringify(back.body));
    assert.equal(properties(JSON.parse((await fetchPage(port, HOST, "/where")).body))["deployment"], first);

    assert.equal(await slipway.terminate(), 0);
    await untilNothingRuns(data);
  });

  it("says who has the data directory when somebody has", async () => {
    await using data = new TestData();
    const { slipway } = await startLive(data);
    const second = data.start();
    assert.equal(await second.exited, 1);
    assert.match(second.output, new RegExp(`already running on .* \\(process ${slipway.pid}\\)`));
    assert.match(second.output, new RegExp(`kill ${slipway.pid}`));
    const status = data.start("status");
    assert.equal(await status.exited, 0, status.output);
    assert.match(status.output, /"app": "sample-app"/);
    await slipway.terminate();
  });

  it("serves again what was live, without deploying it again", async () => {
    await using data = new TestData();
    const { slipway } = await startLive(data);
    await slipway.kill();
    const { slipway: next, port } = await startLive(data);
    assert.doesNotMatch(next.output, /deploying|resuming/);
    assert.equal((await fetchPage(port, HOST)).status, 200);
    assert.equal(data.deployments().length, 1);
    await next.terminate();
  });

  it("shows why a deployment failed, with the last lines of its log", async () => {
    await using data = new TestData();
    const { slipway } = await startLive(data);
    const broken = new URL("testing/broken-app", import.meta.url).pathname;
    const answer = await sendCommand(controlOf(data), "POST", "/deploy", { directory: broken });
    assert.equal(answer.ok, false);
    assert.match(String(answer.body["error"]), /did not become healthy in (fra|iad): it was started 3 times/);
    assert.match(JSON.stringify(answer.body["lastLines"]), /the harbour is closed/);
    await slipway.terminate();
  });
});

describe("kill -9", () => {
  it("of Slipway alone ends the applications too, also those that would not end", async () => {
    await using data = new TestData();
    const { slipway } = await startLive(data, new URL("testing/stubborn-app", import.meta.url).pathname);
    process.kill(slipway.pid, "SIGKILL");
    await slipway.exited;
    await untilNothingRuns(data);
  });

  it("of Slipway and the leashes leaves applications behind, which the next start ends", async (t) => {
    if (process.platform !== "linux") {
      t.skip("processes are found by their environment in /proc");
      return;
    }
    await using data = new TestData();
    const { slipway } = await startLive(data);
    const leashes = findLeashes(data.directory);
    assert.equal(leashes.length, 2);
    process.kill(slipway.pid, "SIGSTOP"); // It would start again what we kill.
    for (const pid of leashes) process.kill(pid, "SIGKILL");
    process.kill(slipway.pid, "SIGKILL");
    await slipway.exited;

    const { slipway: next } = await startLive(data);
    assert.match(next.output, /ended [1-9]\d* processes that an earlier run left behind/);
    await next.terminate();
    await untilNothingRuns(data);
  });
});
