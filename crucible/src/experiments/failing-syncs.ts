/**
 * The n-th sync fails with EIO, for many n, in whatever thread makes it. If it was the log's, the process must end at once and
 * tell nobody anything more: what the kernel shows of that file afterwards need not be on the disk.
 */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";

import { byLength, vacuous, withEngine, type Experiment, type Finding, type Scope } from "../experiment.ts";
import { EngineProcess, EngineStartError } from "../process/engine-process.ts";
import { tracedCalls, type TracedCall } from "../process/traced-calls.ts";
import { watchingTracer } from "../process/tracer.ts";
import { Trial } from "../workload/trial.ts";

const SETTINGS = { "checkpoint.interval": 150, "checkpoint.dirtyRows": 50, "log.segmentBytes": 262_144 };
/** What docs/cli.md promises for an engine that cannot go on. */
const EXIT_ENGINE_FAILED = 70;
/** Longest time from the failure to the end of the process, ms. Generous: the tracer is slow, and so may the machine be. */
const END_MS_MAX = 10_000;
/** Answers that were on their way already are not held against it, ms. */
const ON_ITS_WAY_MS = 1_000;
/** The load goes on until the sync that is to fail was made, and no longer than this, ms. */
const LIFE_MS_MAX = 15_000;
const LOOK_MS = 200;
/** The load goes on for so long after a failure that the server may survive, ms. */
const AFTERLIFE_MS = 1_000;

export const failingSyncs: Experiment = {
  name: "failing-sync",
  tries: "EIO from the n-th fdatasync or fsync, log and store",
  minutes: 1.5,
  needs: ["strace"],
  run,
};

type Tally = { log: number; store: number; start: number; slowest: number };

async function run(scope: Scope): Promise<Finding> {
  await using trial = await Trial.begin({ directory: scope.directory, random: scope.random });
  await withEngine({ directory: trial.data, settings: SETTINGS }, (engine) => trial.register(engine));
  // Each start begins with some twenty syncs in the main thread; those of log and store count by their own threads.
  const ordinals = byLength(scope, {
    short: [2, 40],
    long: [1, 2, 3, 4, 5, 7, 10, 15, 20, 23, 26, 29, 32, 35, 40, 50, 60, 80, 100],
  });
  const faults = [
    ...ordinals.map((ordinal) => ({ syscall: "fdatasync", ordinal })),
    ...byLength(scope, { short: [2], long: [1, 2, 3, 4, 6, 8, 10, 12] }).map((ordinal) => ({
      syscall: "fsync",
      ordinal,
    })),
  ];
  const tally: Tally = { log: 0, store: 0, start: 0, slowest: 0 };
  let injected = 0;
  for (const { syscall, ordinal } of faults) {
    if (await failOne(scope, trial, { syscall, ordinal }, tally)) injected += 1;
    await withEngine({ directory: trial.data, settings: SETTINGS }, (engine) =>
      trial.verifier.settle(engine.ingressUrl),
    );
  }
  const { verified, violations } = trial.verifier;
  return {
    rounds: faults.length,
    faults: injected,
    verified,
    violations,
    notes: [
      `${tally.start} × refused to start, ${tally.log} × ended while serving (slowest after ${tally.slowest.toFixed(0)} ms), ${tally.store} × another sync than the log's`,
    ],
    vacuous: vacuous(
      [injected >= faults.length * 0.7, `only ${injected} of ${faults.length} syncs failed`],
      [tally.log > 0, "no sync of the log failed while serving"],
      [verified > faults.length, `only ${verified} acknowledgements`],
    ),
  };
}

/** Returns whether the failure came about. */
async function failOne(
  scope: Scope,
  trial: Trial,
  fault: { readonly syscall: string; readonly ordinal: number },
  tally: Tally,
): Promise<boolean> {
  const { syscall, ordinal } = fault;
  const trace = scope.directory.file("sync.trace");
  const injection = { action: "error=EIO", syscalls: [syscall], when: String(ordinal) };
  const wrapper = watchingTracer(trace, [syscall, "write", "writev"], [injection]);
  const what = `${syscall} number ${ordinal} failed`;
  try {
    const engine = await EngineProcess.start({ directory: trial.data, settings: SETTINGS, wrapper });
    const load = trial.load(engine);
    for (let lived = 0; lived < LIFE_MS_MAX && injectedIn(callsIn(trace)).length === 0; lived += LOOK_MS)
      await Promise.race([engine.exited, wait(LOOK_MS)]);
    // Where the failure was the log's, it has to end.
    if (logs(injectedIn(callsIn(trace))) !== undefined) await Promise.race([engine.exited, wait(END_MS_MAX)]);
    else await Promise.race([engine.exited, wait(AFTERLIFE_MS)]);
    const endedAt = Date.now();
    const { exit } = engine;
    await engine.kill();
    await load.stop(0);
    const calls = callsIn(trace);
    const failures = injectedIn(calls);
    if (failures.length === 0) return false;
    judge(trial, { what, failures, exit: exit?.code, endedAt, calls }, tally);
  } catch (error) {
    if (!(error instanceof EngineStartError)) throw error;
    if (injectedIn(callsIn(trace)).length === 0) {
      trial.verifier.report({ kind: "stuck", text: `no sync failed, and yet: ${error.message}` });
      return false;
    }
    tally.start += 1;
    if (error.exit?.code !== EXIT_ENGINE_FAILED)
      trial.verifier.report({ kind: "wrong", text: `${what}: ${error.message}` });
  } finally {
    rmSync(trace, { force: true });
  }
  return true;
}

function callsIn(trace: string): TracedCall[] {
  return existsSync(trace) ? tracedCalls(readFileSync(trace, "utf8")) : [];
}

/** The calls that strace made fail. */
function injectedIn(calls: readonly TracedCall[]): TracedCall[] {
  return calls.filter(({ text }) => text.includes("(INJECTED)"));
}

/** The first failure of a sync of the log. */
function logs(failures: readonly TracedCall[]): TracedCall | undefined {
  return failures.find(({ text }) => /\.segment>|\.spare>|\/log>/.test(text));
}

type Life = {
  readonly what: string;
  /** One for each thread that came so far. */
  readonly failures: readonly TracedCall[];
  /** `undefined` when it was still running. */
  readonly exit: number | null | undefined;
  readonly endedAt: number;
  readonly calls: readonly TracedCall[];
};

function judge({ verifier }: Trial, { what, failures, exit, endedAt, calls }: Life, tally: Tally): void {
  const ofLog = logs(failures);
  if (ofLog === undefined) {
    if (exit === undefined) tally.store += 1;
    // More than is asked for, and never wrong.
    else if (exit === EXIT_ENGINE_FAILED) tally.store += 1;
    else verifier.report({ kind: "wrong", text: `${what} (${failures[0]?.text}): it ended with ${exit}` });
    return;
  }
  if (exit === undefined) {
    verifier.report({ kind: "stuck", text: `${what} (${ofLog.text}), and the process went on` });
    return;
  }
  tally.log += 1;
  const endMs = endedAt - ofLog.at * 1_000;
  tally.slowest = Math.max(tally.slowest, endMs);
  if (exit !== EXIT_ENGINE_FAILED)
    verifier.report({ kind: "wrong", text: `${what} (${ofLog.text}): it ended with ${exit}` });
  if (endMs > END_MS_MAX)
    verifier.report({ kind: "stuck", text: `${what}: it ended only ${endMs.toFixed(0)} ms later` });
  const isLate = ({ at, text }: TracedCall): boolean =>
    (at - ofLog.at) * 1_000 > ON_ITS_WAY_MS && /"HTTP\/1\.1 20[02]/.test(text);
  const late = calls.find(isLate);
  if (late !== undefined)
    verifier.report({ kind: "wrong", text: `${what} (${ofLog.text}), and later it answered ${late.text}` });
}
