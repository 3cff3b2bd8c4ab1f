/** The disk fills up under load, stays full for a while, and is freed: without a restart, and with a `kill -9` while it is full. */
import { setTimeout as wait } from "node:timers/promises";

import { byLength, vacuous, type Experiment, type Finding, type Scope } from "../experiment.ts";
import { EngineProcess } from "../process/engine-process.ts";
import { SmallFileSystem } from "../process/small-file-system.ts";
import { Flood } from "../workload/flood.ts";
import { healthOf } from "../workload/health.ts";
import { get } from "../workload/http.ts";
import { Trial } from "../workload/trial.ts";

const MIB = 1024 * 1024;
const DISK_BYTES = 48 * MIB;
const SETTINGS = {
  "log.segmentBytes": 1 * MIB,
  "checkpoint.interval": 500,
};
const FULL_MS = 2_500;
/** Time in which the server accepts again once there is room, ms. */
const RECOVER_MS_MAX = 10_000;
/** Generous: the machine is busy with more than this. */
const ADMIN_MS_MAX = 10_000;

export const fullDisks: Experiment = {
  name: "disk-full",
  tries: "a 48 MiB file system is filled under load, and freed",
  minutes: 1,
  needs: ["linux", "root"],
  run,
};

async function run(scope: Scope): Promise<Finding> {
  const { directory, random } = scope;
  const rounds = byLength(scope, { short: 2, long: 8 });
  using disk = new SmallFileSystem(directory.make("disk"), DISK_BYTES);
  await using trial = await Trial.begin({ directory, random, data: `${disk.path}/data` });
  const { verifier } = trial;
  const options = { directory: trial.data, settings: SETTINGS };
  let engine = await EngineProcess.start(options);
  let refused = 0;
  let fulls = 0;
  const questions: Questions = { asked: 0, answered: 0 };
  const resumed: number[] = [];
  try {
    await trial.register(engine);
    for (let round = 0; round < rounds; round++) {
      const load = trial.load(engine);
      await wait(500);
      disk.fill();
      const flood = new Flood({
        ingressUrl: engine.ingressUrl,
        acknowledgements: trial.acknowledgements,
        callers: 8,
        bodyBytes: 32 * 1024,
      });
      const statuses = await watch(trial, engine, questions);
      refused += flood.refusals.get("disk-full") ?? 0;
      if (statuses.has("degraded")) fulls += 1;
      await flood.stop(0);
      if (round % 2 === 1) {
        // It has to start on what room there is, or say why not; here the room comes back first.
        await engine.kill();
        await load.stop(0);
        disk.free();
        engine = await EngineProcess.start(options);
      } else {
        disk.free();
        resumed.push(await untilAccepting(trial, engine));
        await load.stop(5_000);
      }
      await verifier.settle(engine.ingressUrl);
    }
  } finally {
    await engine.kill();
  }
  return {
    rounds,
    faults: fulls,
    verified: verifier.verified,
    violations: verifier.violations,
    notes: [
      `${refused} requests refused as disk-full`,
      `without a restart accepting again after at most ${Math.max(0, ...resumed).toFixed(0)} ms`,
      `${questions.answered} of ${questions.asked} questions of operators and readers were answered while it was full`,
    ],
    vacuous: vacuous(
      [fulls === rounds, `the server noticed a full disk only ${fulls} of ${rounds} times`],
      [refused > 0, "nothing was refused"],
      [verifier.verified > rounds * 10, `only ${verifier.verified} acknowledgements`],
    ),
  };
}

type Questions = { asked: number; answered: number };

/** While the disk is full, operators and readers are served. */
async function watch(
  { verifier, acknowledgements }: Trial,
  engine: EngineProcess,
  questions: Questions,
): Promise<ReadonlySet<string>> {
  const statuses = new Set<string>();
  for (const end = performance.now() + FULL_MS; performance.now() < end;) {
    const status = await healthOf(engine.adminUrl, ADMIN_MS_MAX);
    statuses.add(status);
    if (engine.exit !== undefined) {
      verifier.report({ kind: "stuck", text: `the server ended on a full disk: ${engine.output}` });
      return statuses;
    }
    questions.asked += 1;
    if (status !== "silent") questions.answered += 1;
    else verifier.report({ kind: "stuck", text: "/health did not answer on a full disk" });
    const known = acknowledgements.accepted[0];
    if (known !== undefined) {
      const url = `${engine.ingressUrl}/restate/invocation/${known.id}/output`;
      const read = await get(url, AbortSignal.timeout(ADMIN_MS_MAX)).catch((error: unknown) => String(error));
      questions.asked += 1;
      if (typeof read !== "string") questions.answered += 1;
      else verifier.report({ kind: "stuck", text: `a reader was not answered on a full disk: ${read}` });
    }
    await wait(100);
  }
  return statuses;
}

/** How long it takes, ms, until the server is well again. */
async function untilAccepting({ verifier }: Trial, engine: EngineProcess): Promise<number> {
  const begun = performance.now();
  while (performance.now() - begun < RECOVER_MS_MAX) {
    if ((await healthOf(engine.adminUrl, ADMIN_MS_MAX)) === "ok") return performance.now() - begun;
    await wait(50);
  }
  verifier.report({
    kind: "stuck",
    text: `there is room again, and after ${RECOVER_MS_MAX} ms nothing is accepted`,
  });
  return RECOVER_MS_MAX;
}
