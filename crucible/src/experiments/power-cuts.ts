/**
 * Power cuts: the server's system calls are recorded under load, and from the record the disks are made that a power cut at
 * some moment could have left. The server is started on each; whatever it had told anybody before that moment must be there.
 */
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

import { loadConfig, startServer } from "@holdfast/server";

import { byLength, vacuous, withEngine, type Experiment, type Finding, type Scope } from "../experiment.ts";
import { TraceReader, TRACED_SYSCALLS, type TraceEvent } from "../power-cut/trace-events.ts";
import { TracedDisk, type Luck } from "../power-cut/traced-disk.ts";
import { recordingTracer } from "../process/tracer.ts";
import { get, inParallel } from "../workload/http.ts";
import { between, oneOf, type Random } from "../workload/random.ts";
import { Trial } from "../workload/trial.ts";
import type { Violation } from "../workload/violation.ts";

/** Segments roll and are trimmed, the store is written, all within a second. */
const SETTINGS = { "log.segmentBytes": 65_536, "checkpoint.interval": 100, "checkpoint.dirtyRows": 100 };
const IMAGES_PER_MOMENT = 4;
const LUCKS: readonly [Luck, ...Luck[]] = [
  { survival: 0, garbage: 0 },
  { survival: 0.2, garbage: 0 },
  { survival: 0.5, garbage: 0 },
  { survival: 0.8, garbage: 0.1 },
  { survival: 0.95, garbage: 0.3 },
  { survival: 1, garbage: 0 },
];
const NOT_READY = 470;
const KEPT_MAX = 12;

export const powerCuts: Experiment = {
  name: "power-cut",
  tries:
    "disks rebuilt from traced system calls, as a power cut at any moment could leave them; recovery on each",
  minutes: 4,
  needs: ["strace"],
  run,
};

async function run(scope: Scope): Promise<Finding> {
  const { random, directory, say } = scope;
  const images = byLength(scope, { short: 24, long: 1_000 });
  const root = directory.make("traced");
  await using trial = await Trial.begin({ directory, random, data: join(root, "data") });
  const events = await record(scope, trial, root);
  say(`${events.length} traced events`);
  const tally = new Tally();
  const moments = momentsIn(events, random, Math.ceil(images / IMAGES_PER_MOMENT));
  const disk = new TracedDisk(root);
  const told = new Map<string, string | undefined>();
  for (const [index, event] of events.entries()) {
    disk.apply(event);
    if (event.kind === "told") told.set(event.invocation, event.outcome ?? told.get(event.invocation));
    const times = moments.get(index) ?? 0;
    for (let i = 0; i < times * IMAGES_PER_MOMENT; i++) {
      const image = directory.file("image");
      const luck = oneOf(random, LUCKS);
      disk.cutPower(image, random, luck);
      if (disk.pendingChanges > 0) tally.atStake += 1;
      tally.images += 1;
      await recover(
        join(image, "data"),
        told,
        tally,
        `a cut after event ${index} (${event.kind}), survival ${luck.survival}`,
      );
      rmSync(image, { recursive: true });
      if (tally.images % 200 === 0) say(`${tally.images} images`);
    }
  }
  const count = (kind: TraceEvent["kind"]): number => events.filter((event) => event.kind === kind).length;
  return {
    rounds: tally.images,
    faults: tally.atStake,
    verified: tally.verified,
    violations: tally.violations,
    notes: [
      `${events.length} file operations and answers traced: ${count("write")} writes, ${count("sync") + count("sync-directory")} syncs, ${count("rename")} renames, ${count("unlink")} removals`,
      "log and SQLite store alike; sectors of 512 bytes, names and sizes lost one by one",
    ],
    vacuous: vacuous(
      [told.size >= 50, `only ${told.size} invocations were acknowledged in the trace`],
      [tally.atStake >= tally.images / 2, `only ${tally.atStake} images had anything to lose`],
      [count("rename") > 3 && count("unlink") > 3, "the log hardly rolled"],
    ),
  };
}

/** Two lives on one directory: from nothing to `kill -9`, and from there to a clean stop. */
async function record(scope: Scope, trial: Trial, root: string): Promise<readonly TraceEvent[]> {
  const reader = new TraceReader(root);
  const loadMs = byLength(scope, { short: 700, long: 2_000 });
  for (const life of ["first", "second"]) {
    const trace = scope.directory.file(`${life}.trace`);
    const wrapper = recordingTracer(trace, TRACED_SYSCALLS);
    await withEngine({ directory: trial.data, settings: SETTINGS, wrapper }, async (engine) => {
      if (life === "first") await trial.register(engine);
      const load = trial.load(engine);
      await wait(loadMs);
      if (life === "first") await engine.kill();
      await load.stop(1_000);
      if (life === "second") await engine.stop();
    });
    reader.read(readFileSync(trace, "latin1"));
    rmSync(trace);
  }
  return reader.events;
}

/** When to cut, and how often: half of the moments are right after somebody was told something. */
function momentsIn(
  events: readonly TraceEvent[],
  random: Random,
  count: number,
): ReadonlyMap<number, number> {
  const tellings = events.flatMap(({ kind }, index) => (kind === "told" ? [index] : []));
  const moments = new Map<number, number>();
  for (let i = 0; i < count; i++) {
    const telling = tellings[between(random, 0, tellings.length - 1)];
    const index = i % 2 === 0 && telling !== undefined ? telling : between(random, 0, events.length - 1);
    moments.set(index, (moments.get(index) ?? 0) + 1);
  }
  return moments;
}

class Tally {
  images = 0;
  /** Images of moments at which something was written and not durable. */
  atStake = 0;
  verified = 0;
  readonly violations: Violation[] = [];

  report(violation: Violation): void {
    if (this.violations.length < KEPT_MAX) this.violations.push(violation);
  }
}

/** The server's own start, in this process: a thousand of them would take minutes as processes. */
async function recover(
  data: string,
  told: ReadonlyMap<string, string | undefined>,
  tally: Tally,
  what: string,
): Promise<void> {
  const config = loadConfig({ arguments: { data, "ingress.port": 0, "admin.port": 0, ...SETTINGS } });
  const onFailed = (reason: Error): void =>
    tally.report({ kind: "stuck", text: `${what}: ${reason.message}` });
  try {
    const server = await startServer({ config, onFailed, onWarning: () => {} });
    try {
      const gone: string[] = [];
      await inParallel(told, 16, async ([invocation, outcome]) => {
        const { status, text } = await get(`${server.ingressUrl}/restate/invocation/${invocation}/output`);
        const isKept = outcome === undefined ? status === 200 || status === NOT_READY : text === outcome;
        if (isKept) tally.verified += 1;
        else gone.push(`${invocation} is ${status} ${text}`);
      });
      if (gone.length > 0)
        tally.report({ kind: "lost", text: `${what}: ${gone.length} of ${told.size}, first ${gone[0]}` });
    } finally {
      await server.close();
    }
  } catch (error) {
    tally.report({ kind: "stuck", text: `${what}: no recovery: ${String(error)}` });
  }
}
