/**
 * The server is killed at every system call of a scripted life that changes a file or tells somebody something: at the first
 * of its kind, at the second, and so on. The life begins with a recovery, rolls and trims the log, and ends with a clean stop.
 */
import { cpSync, readFileSync, rmSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";

import { byLength, vacuous, withEngine, type Experiment, type Finding, type Scope } from "../experiment.ts";
import type { Exit } from "../process/child.ts";
import { EngineProcess, EngineStartError } from "../process/engine-process.ts";
import { HandlerProcess } from "../process/handler-process.ts";
import { tracedCalls } from "../process/traced-calls.ts";
import { watchingTracer } from "../process/tracer.ts";
import { Acknowledgements } from "../workload/acknowledgements.ts";
import { Caller } from "../workload/caller.ts";
import { registerDeployment } from "../workload/trial.ts";
import { Verifier } from "../workload/verifier.ts";
import type { Violation } from "../workload/violation.ts";

const SETTINGS = { "log.segmentBytes": 65_536, "checkpoint.interval": 100, "checkpoint.dirtyRows": 20 };
const SYSCALLS = [
  "openat",
  "pwrite64",
  "write",
  "writev",
  "ftruncate",
  "fdatasync",
  "fsync",
  "rename",
  "unlink",
  "mkdir",
];
/** Long enough for some of them to fill a segment. */
const LONG_TEXT = "x".repeat(12_000);
/** Time for a checkpoint and the trim behind it, ms. */
const CHECKPOINT_MS = 200;
/** Time for a server that was killed, or stopped, to be gone, ms. */
const END_MS_MAX = 10_000;
/** Runs at the same time: each waits more than it computes. */
const LANES = 3;
/** Some calls of the rehearsal are not made again: what depends on timing, like the pages of a checkpoint. */
const KILLED_SHARE_MIN = 0.6;
/** The start-up measurement of the disk writes into a file of its own that nobody reads. */
const PROBE_FILE = "probe.tmp";

export const syscallKills: Experiment = {
  name: "syscall-kill",
  tries: "killed at every file and socket call of a scripted life",
  minutes: 4,
  needs: ["strace"],
  run,
};

type Target = { readonly syscall: string; readonly ordinal: number };

async function run(scope: Scope): Promise<Finding> {
  const { say } = scope;
  const lanes = await Promise.all(Array.from({ length: LANES }, (_, number) => Lane.open(scope, number)));
  try {
    const all = await rehearse(scope, lanes[0]);
    const stride = byLength(scope, { short: Math.ceil(all.length / 8), long: 1 });
    const targets = all.filter((_, index) => index % stride === 0);
    say(`${targets.length} of ${all.length} calls`);
    const queue = [...targets.entries()].reverse();
    await Promise.all(
      lanes.map(async (lane) => {
        for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
          const [index, target] = next;
          await tryOne(scope, lane, target, index);
          if (index % 50 === 49) say(`${index + 1} kills`);
        }
      }),
    );
    const killed = lanes.reduce((sum, lane) => sum + lane.killed, 0);
    const verified = lanes.reduce((sum, lane) => sum + lane.verified, 0);
    return {
      rounds: targets.length,
      faults: killed,
      verified,
      violations: lanes.flatMap(({ violations }) => violations),
      notes: [`${all.length} places: ${countsOf(all)}`],
      vacuous: vacuous(
        [killed >= targets.length * KILLED_SHARE_MIN, `only ${killed} of ${targets.length} runs were killed`],
        [verified >= targets.length, `only ${verified} acknowledgements in ${targets.length} runs`],
      ),
    };
  } finally {
    await Promise.all(lanes.map(({ handlers }) => handlers.kill()));
  }
}

function countsOf(targets: readonly Target[]): string {
  const counted = SYSCALLS.map((name) => ({
    name,
    count: targets.filter(({ syscall }) => syscall === name).length,
  }));
  return counted
    .filter(({ count }) => count > 0)
    .map(({ name, count }) => `${count} ${name}`)
    .join(", ");
}

/** What runs one after the other share: handlers with their ledger, and the directory that each run begins with. */
class Lane {
  readonly handlers: HandlerProcess;
  readonly ledger: string;
  /** A data directory that a killed server left, with the handlers registered. */
  readonly template: string;
  readonly violations: Violation[] = [];
  verified = 0;
  killed = 0;

  private constructor({ directory }: Scope, number: number) {
    this.ledger = directory.file(`ledger-${number}`);
    this.template = directory.file(`template-${number}`);
    this.handlers = new HandlerProcess({ ledger: this.ledger });
  }

  static async open(scope: Scope, number: number): Promise<Lane> {
    const lane = new Lane(scope, number);
    await lane.handlers.start();
    await withEngine({ directory: lane.template, settings: SETTINGS }, (engine) =>
      registerDeployment(engine, lane.handlers.url),
    );
    return lane;
  }
}

/** The scripted life. Rejects when the server is gone before its end. */
async function live(engine: EngineProcess, acknowledgements: Acknowledgements, name: string): Promise<void> {
  const caller = new Caller({ ingressUrl: engine.ingressUrl, acknowledgements });
  await caller.call("flow/steps", `${name}-a`, name);
  for (let i = 0; i < 8; i++) await caller.send("client", `counter/${name}/add`, LONG_TEXT);
  await caller.passGate("client", name);
  await wait(CHECKPOINT_MS);
  await caller.send("client", "flow/nap", 10);
  await caller.call("flow/relay", `${name}-b`, name);
  await wait(CHECKPOINT_MS);
  await engine.stop();
}

/** Finds the calls that matter: on files below the data directory, and on sockets. */
async function rehearse(scope: Scope, lane: Lane | undefined): Promise<Target[]> {
  if (lane === undefined) return [];
  const data = scope.directory.file("rehearsal");
  const trace = scope.directory.file("rehearsal.trace");
  cpSync(lane.template, data, { recursive: true });
  await withEngine(
    { directory: data, settings: SETTINGS, wrapper: watchingTracer(trace, SYSCALLS) },
    (engine) => live(engine, new Acknowledgements(), "rehearsal"),
  );
  const places = new Set<string>();
  for (const { name, text, ordinal } of tracedCalls(readFileSync(trace, "utf8")))
    if (matters(text, data)) places.add(`${name} ${ordinal}`);
  return [...places].map((place) => {
    const [syscall = "", ordinal] = place.split(" ");
    return { syscall, ordinal: Number(ordinal) };
  });
}

function matters(text: string, data: string): boolean {
  if (text.includes(PROBE_FILE)) return false;
  return text.includes(data) || text.includes("<socket:") || text.includes("<TCP:");
}

async function tryOne(scope: Scope, lane: Lane, target: Target, index: number): Promise<void> {
  const { syscall, ordinal } = target;
  const { template, ledger } = lane;
  const data = scope.directory.file(`run-${index}`);
  const name = `run${index}`;
  cpSync(template, data, { recursive: true });
  const acknowledgements = new Acknowledgements();
  const verifier = new Verifier({ acknowledgements, ledger, random: scope.random });
  const injection = { action: "signal=KILL", syscalls: [syscall], when: String(ordinal) };
  const trace = `${data}.trace`;
  const wrapper = watchingTracer(trace, [syscall], [injection]);
  const options = { directory: data, settings: SETTINGS };
  try {
    const engine = await EngineProcess.start({ ...options, wrapper });
    await live(engine, acknowledgements, name).catch(() => undefined); // Killed on its way: what the run is for.
    const exit = await ended(engine);
    await engine.kill();
    if (exit?.signal === "SIGKILL") lane.killed += 1;
    else if (exit?.code !== 0)
      verifier.report({ kind: "stuck", text: `not killed, and no clean stop: ${engine.output}` });
  } catch (error) {
    if (!(error instanceof EngineStartError)) throw error;
    if (error.exit?.signal === "SIGKILL") lane.killed += 1;
    else verifier.report({ kind: "stuck", text: `not killed, and yet: ${error.message}` });
  }
  try {
    await withEngine(options, async (engine) => verifier.settle(engine.ingressUrl));
  } catch (error) {
    verifier.report({ kind: "stuck", text: String(error) });
  }
  lane.verified += verifier.verified;
  const what = `killed at ${syscall} number ${ordinal}`;
  lane.violations.push(...verifier.violations.map(({ kind, text }) => ({ kind, text: `${what}: ${text}` })));
  rmSync(data, { recursive: true });
  rmSync(trace);
}

/** strace ends as what it traced did. */
async function ended(engine: EngineProcess): Promise<Exit | undefined> {
  await Promise.race([engine.exited, wait(END_MS_MAX)]);
  return engine.exit;
}
