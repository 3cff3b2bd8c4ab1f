/** The disk fills up under load, stays full for a while, and is freed: without a restart, and with a `kill -9` while it is full. */
import { setTimeout as wait } from "node:timers/promises";

import { byLength, vacuous, type Experiment, type Finding, type Scope } from "../experiment.ts";
import { EngineProcess } from "../process/engine-process.ts";
import { SmallFileSystem } from "../process/small-file-system.ts";
import { Flood } from "../workload/flood.ts";
import { healthOf } from "../workload/health.ts";
import { get, post } from "../workload/http.ts";
import { Trial } from "../workload/trial.ts";

const MIB = 1024 * 1024;
const DISK_BYTES = 48 * MIB;
const SETTINGS = {
  "log.segmentBytes": 1 * MIB,
  "checkpoint.interval": 500,
};
/** So long it stays full after the server has noticed, ms. */
const FULL_MS = 2_000;
/** Time in which the server notices, ms: as long as it takes to fill the segment it has. */
const NOTICE_MS_MAX = 30_000;
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
  const questions: Questions = { asked: 0, answered: 0, refused: 0 };
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
      if (await watch(trial, engine, questions)) fulls += 1;
      refused += flood.refusals.get("disk-full") ?? 0;
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
      `${refused + questions.refused} requests refused as disk-full`,
      `without a restart accepting again after at most ${Math.max(0, ...resumed).toFixed(0)} ms`,
      `${questions.answered} of ${questions.asked} questions of operators and readers were answered while it was full`,
    ],
    vacuous: vacuous(
      [fulls === rounds, `the server noticed a full disk only ${fulls} of ${rounds} times`],
      [questions.refused > 0, "nothing was refused"],
      [verifier.verified > rounds * 10, `only ${verifier.verified} acknowledgements`],
    ),
  };
}

/** `refused`: of the callers who came while it was known to be full. */
type Questions = { asked: number; answered: number; refused: number };

/** While the disk is full, operators and readers are served, and callers are refused. Returns whether the server noticed. */
async function watch(trial: Trial, engine: EngineProcess, questions: Questions): Promise<boolean> {
  let noticedAt: number | undefined;
  const begun = performance.now();
  for (;;) {
    const now = performance.now();
    if (noticedAt === undefined ? now > begun + NOTICE_MS_MAX : now > noticedAt + FULL_MS) break;
    const status = await healthOf(engine.adminUrl, ADMIN_MS_MAX);
    if (engine.exit !== undefined) {
      trial.verifier.report({ kind: "stuck", text: `the server ended on a full disk: ${engine.output}` });
      break;
    }
    questions.asked += 1;
    if (status !== "silent") questions.answered += 1;
    else trial.verifier.report({ kind: "stuck", text: "/health did not answer on a full disk" });
    await read(trial, engine, questions);
    if (status === "degraded") {
      noticedAt ??= now;
      await call(trial, engine, questions);
    }
    await wait(100);
  }
  return noticedAt !== undefined;
}

async function read(
  { verifier, acknowledgements }: Trial,
  engine: EngineProcess,
  questions: Questions,
): Promise<void> {
  const known = acknowledgements.accepted[0];
  if (known === undefined) return;
  const url = `${engine.ingressUrl}/restate/invocation/${known.id}/output`;
  const answer = await get(url, AbortSignal.timeout(ADMIN_MS_MAX)).catch((error: unknown) => String(error));
  questions.asked += 1;
  if (typeof answer !== "string") questions.answered += 1;
  else verifier.report({ kind: "stuck", text: `a reader was not answered on a full disk: ${answer}` });
}

/** Whoever comes to a full disk is told so; who came before it was known may have to wait for room. */
async function call(
  { acknowledgements }: Trial,
  { ingressUrl }: EngineProcess,
  questions: Questions,
): Promise<void> {
  const path = "flow/swallow";
  const signal = AbortSignal.timeout(ADMIN_MS_MAX);
  const answer = await post(`${ingressUrl}/${path}/send`, { body: "small", signal }).catch(() => undefined);
  if (answer?.status === 507) questions.refused += 1;
  if (answer?.status !== 202) return;
  const { invocationId: id } = JSON.parse(answer.text) as { readonly invocationId: string };
  acknowledgements.accepted.push({ id, path, client: "latecomer" });
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
