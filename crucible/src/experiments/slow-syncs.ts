/** Every sync takes so long: the server says so, goes on answering operators, and bounds what it holds. */
import { setTimeout as wait } from "node:timers/promises";

import { byLength, vacuous, withEngine, type Experiment, type Finding, type Scope } from "../experiment.ts";
import { EngineProcess } from "../process/engine-process.ts";
import { peakResidentBytes } from "../process/resident-bytes.ts";
import { watchingTracer } from "../process/tracer.ts";
import { Flood } from "../workload/flood.ts";
import { healthOf } from "../workload/health.ts";
import { Trial } from "../workload/trial.ts";

const MIB = 1024 * 1024;
/** The flood has to reach it within one sync. */
const PENDING_BYTES_MAX = 4 * MIB;
const SETTINGS = { "batch.pendingBytesMax": PENDING_BYTES_MAX };
/** The start itself syncs a few dozen times, which is not what is slowed down here. */
const FIRST_SLOW = 30;
/** What the server may need in all, whatever is thrown at it. */
const RESIDENT_BYTES_MAX = 512 * MIB;
const ADMIN_MS_MAX = 10_000;
/** Above this an append counts as stuck for the server, ms. */
const DEGRADED_FROM_MS = 3_000;

export const slowSyncs: Experiment = {
  name: "slow-sync",
  tries: "every fdatasync delayed by 200 ms, 5 s, 60 s, under a flood",
  minutes: 2,
  needs: ["strace"],
  run,
};

async function run(scope: Scope): Promise<Finding> {
  await using trial = await Trial.begin({ directory: scope.directory, random: scope.random });
  const { verifier } = trial;
  const delays = byLength(scope, { short: [200, 4_000], long: [200, 5_000, 60_000] });
  const notes: string[] = [];
  let hit = 0;
  let overloads = 0;
  await withEngine({ directory: trial.data, settings: SETTINGS }, (engine) => trial.register(engine));
  for (const delayMs of delays) {
    const injection = {
      action: `delay_enter=${delayMs * 1_000}`,
      syscalls: ["fdatasync"],
      when: `${FIRST_SLOW}+`,
    };
    const wrapper = watchingTracer(scope.directory.file(`slow-${delayMs}.trace`), ["fdatasync"], [injection]);
    const engine = await EngineProcess.start({ directory: trial.data, settings: SETTINGS, wrapper });
    try {
      const flood = new Flood({ ...floodOf(trial, engine), callers: 200, bodyBytes: 64 * 1024 });
      const seen = await watch(engine, Math.max(3_000, delayMs * 1.2));
      await engine.kill();
      await flood.stop(0);
      hit += 1;
      overloads += flood.refusals.get("overloaded") ?? 0;
      notes.push(
        `${delayMs} ms: health ${[...seen.statuses].join(", ")}, at most ${(seen.peakBytes / MIB).toFixed(0)} MiB, ${flood.summary()}`,
      );
      if (seen.statuses.has("silent"))
        verifier.report({ kind: "stuck", text: `at ${delayMs} ms a sync /health did not answer` });
      if (delayMs >= DEGRADED_FROM_MS && !seen.statuses.has("degraded"))
        verifier.report({ kind: "wrong", text: `at ${delayMs} ms a sync /health showed nothing of it` });
      if (seen.peakBytes > RESIDENT_BYTES_MAX)
        verifier.report({
          kind: "stuck",
          text: `at ${delayMs} ms a sync the server took ${seen.peakBytes} bytes`,
        });
    } finally {
      await engine.kill();
    }
    await withEngine({ directory: trial.data, settings: SETTINGS }, (again) =>
      verifier.settle(again.ingressUrl),
    );
  }
  return {
    rounds: delays.length,
    faults: hit,
    verified: verifier.verified,
    violations: verifier.violations,
    notes,
    vacuous: vacuous(
      [overloads > 0, "the flood never reached the limit of what may be pending"],
      [verifier.verified > 0, "nothing was acknowledged"],
    ),
  };
}

function floodOf(trial: Trial, engine: EngineProcess) {
  return { ingressUrl: engine.ingressUrl, acknowledgements: trial.acknowledgements };
}

async function watch(
  engine: EngineProcess,
  ms: number,
): Promise<{ readonly statuses: ReadonlySet<string>; readonly peakBytes: number }> {
  const statuses = new Set<string>();
  let peakBytes = 0;
  for (const end = performance.now() + ms; performance.now() < end && engine.exit === undefined;) {
    statuses.add(await healthOf(engine.adminUrl, ADMIN_MS_MAX));
    peakBytes = Math.max(peakBytes, peakResidentBytes(engine.pid));
    await wait(100);
  }
  return { statuses, peakBytes };
}
