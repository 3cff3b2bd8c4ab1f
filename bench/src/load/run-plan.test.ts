import assert from "node:assert/strict";
import { createServer, type RequestListener, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, it } from "node:test";

import type { Address } from "../http/connection.ts";
import type { LoadPlan } from "./plan.ts";
import { runPlan } from "./run-plan.ts";

const SILENT = { onMeasuring: () => {}, onMeasured: () => {} };

async function withServer<Result>(
  answer: RequestListener,
  work: (target: Address) => Promise<Result>,
): Promise<Result> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    return await work({ host: "127.0.0.1", port: (server.address() as AddressInfo).port });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

function exactly(target: Address, operationsExactly: number): LoadPlan {
  return {
    target,
    request: { method: "POST", path: "/{key}" },
    expect: '"ok"',
    connections: 3,
    keyPrefix: "k",
    pace: { kind: "closed", warmupMs: 0, durationMs: 0, operationsMin: 0, operationsExactly },
  };
}

describe("the load generator", () => {
  it("sends exactly as many requests as it is told, each with a key of its own", async () => {
    const paths: Array<string | undefined> = [];
    const result = await withServer(
      (request, response) => {
        paths.push(request.url);
        response.end('"ok"');
      },
      (target) => runPlan(exactly(target, 20), SILENT),
    );
    assert.equal(result.operations, 20);
    assert.equal(result.operationsInAll, 20);
    assert.equal(paths.length, 20);
    assert.equal(new Set(paths).size, 20);
  });

  it("fails at the first answer that is no success or not the expected one", async () => {
    const run = (answer: RequestListener) =>
      withServer(answer, (target) => runPlan(exactly(target, 5), SILENT));
    await assert.rejects(
      run((_request, response) => response.writeHead(503).end("full")),
      /status 503: full/,
    );
    await assert.rejects(
      run((_request, response) => response.end('"no"')),
      /not the expected one: "no"/,
    );
    await assert.rejects(
      run((request) => request.socket.destroy()),
      /closed the connection|ECONNRESET/,
    );
  });

  it("goes on measuring until enough was answered, and says when it began and ended", async () => {
    const events: string[] = [];
    const plan = (target: Address): LoadPlan => ({
      ...exactly(target, 0),
      pace: { kind: "closed", warmupMs: 1, durationMs: 1, operationsMin: 50 },
    });
    const listener = { onMeasuring: () => events.push("begin"), onMeasured: () => events.push("end") };
    const result = await withServer(
      (_request, response) => response.end('"ok"'),
      (target) => runPlan(plan(target), listener),
    );
    assert.ok(result.operations >= 50);
    assert.deepEqual(events, ["begin", "end"]);
  });

  it("counts latency from when a request was due, when they come at fixed times", async () => {
    let isFirst = true;
    const stall: RequestListener = (_request, response) => {
      const pause = isFirst ? 60 : 0;
      isFirst = false;
      setTimeout(() => response.end('"ok"'), pause);
    };
    const result = await withServer(stall, (target) =>
      runPlan(
        {
          ...exactly(target, 0),
          connections: 1,
          pace: { kind: "open", perSecond: 200, warmupMs: 0, durationMs: 50 },
        },
        SILENT,
      ),
    );
    // Ten or eleven were due while the first one was stuck; the one connection could send none of them.
    assert.ok(result.operations >= 10);
    const waited = result.latency.counts.reduce((sum, [, count]) => sum + count, 0);
    assert.equal(waited, result.operations);
    assert.ok(result.latency.max >= 59e6);
  });

  it("counts a pause from the oldest request that has no answer, also when a younger one is answered first", async () => {
    const held: ServerResponse[] = [];
    const turnRound: RequestListener = (_request, response) => {
      held.unshift(response);
      if (held.length < 2) return;
      setTimeout(() => {
        for (const each of held) each.end('"ok"');
      }, 30);
    };
    const result = await withServer(turnRound, (target) =>
      runPlan(
        {
          ...exactly(target, 0),
          connections: 2,
          pace: { kind: "open", perSecond: 20, warmupMs: 0, durationMs: 60 },
        },
        SILENT,
      ),
    );
    // The first is due at once, the second 50 ms later, and neither is answered before another 30 ms.
    assert.equal(result.operations, 2);
    assert.ok(result.longestPauseMs >= 75, `${result.longestPauseMs}`);
  });
});
