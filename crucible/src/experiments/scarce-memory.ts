/** A small heap and a flood of large payloads: refusals with a status, a bound on memory, and no crash. */
import { setTimeout as wait } from "node:timers/promises";

import { byLength, vacuous, withEngine, type Experiment, type Finding, type Scope } from "../experiment.ts";
import { peakResidentBytes } from "../process/resident-bytes.ts";
import { Flood } from "../workload/flood.ts";
import { healthOf } from "../workload/health.ts";
import { Trial } from "../workload/trial.ts";

const MIB = 1024 * 1024;
const HEAP_MIB = 96;
/** Heap, buffers outside of it, and what is accepted and not durable yet. */
const RESIDENT_BYTES_MAX = 640 * MIB;
const SETTINGS = { "batch.pendingBytesMax": 16 * MIB, "checkpoint.interval": 500 };
const ADMIN_MS_MAX = 10_000;

export const scarceMemory: Experiment = {
  name: "memory",
  tries: `a heap of ${HEAP_MIB} MiB, a flood of payloads of 1 MiB and of 11 MiB`,
  minutes: 0.5,
  needs: ["linux"],
  run,
};

async function run(scope: Scope): Promise<Finding> {
  await using trial = await Trial.begin({ directory: scope.directory, random: scope.random });
  const { verifier, acknowledgements } = trial;
  const options = {
    directory: trial.data,
    settings: SETTINGS,
    nodeFlags: [`--max-old-space-size=${HEAP_MIB}`],
  };
  let peakBytes = 0;
  const refused = { tooLarge: 0, tooMuch: 0 };
  const summaries: string[] = [];
  await withEngine(options, async (engine) => {
    await trial.register(engine);
    for (const [callers, bodyBytes] of [
      [32, MIB],
      [8, 11 * MIB],
    ] as const) {
      const flood = new Flood({ ingressUrl: engine.ingressUrl, acknowledgements, callers, bodyBytes });
      const load = trial.load(engine, { clients: 2 });
      for (
        const end = performance.now() + byLength(scope, { short: 1_500, long: 8_000 });
        performance.now() < end;
      ) {
        if (engine.exit !== undefined) break;
        peakBytes = Math.max(peakBytes, peakResidentBytes(engine.pid));
        if ((await healthOf(engine.adminUrl, ADMIN_MS_MAX)) === "silent")
          verifier.report({ kind: "stuck", text: "/health did not answer during a flood" });
        await wait(100);
      }
      await Promise.all([flood.stop(2_000), load.stop(5_000)]);
      const count = (status: number): number => flood.statuses.get(status) ?? 0;
      refused.tooLarge += count(413);
      refused.tooMuch += count(429) + count(503);
      summaries.push(`${bodyBytes / MIB} MiB: ${flood.summary()}`);
    }
    if (engine.exit !== undefined)
      verifier.report({
        kind: "stuck",
        text: `the server ended under a flood: ${engine.output.slice(-1_000)}`,
      });
  });
  // Started again with as little memory it has to come up: a flood that is in the log must not kill it for ever.
  await withEngine(options, (engine) => verifier.settle(engine.ingressUrl));
  if (peakBytes > RESIDENT_BYTES_MAX)
    verifier.report({ kind: "stuck", text: `the server took ${(peakBytes / MIB).toFixed(0)} MiB` });
  return {
    rounds: 2,
    faults: refused.tooLarge + refused.tooMuch,
    verified: verifier.verified,
    violations: verifier.violations,
    notes: [...summaries, `at most ${(peakBytes / MIB).toFixed(0)} MiB resident`],
    vacuous: vacuous(
      [refused.tooLarge > 0, "nothing was refused as too large"],
      [refused.tooMuch > 0, "nothing was refused as too much: the flood never pressed"],
      [verifier.verified > 20, `only ${verifier.verified} acknowledgements`],
    ),
  };
}
