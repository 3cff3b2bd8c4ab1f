/**
 * One bit is flipped in one file of a directory that a killed server left. Either the server notices and stops with a report,
 * or the bit did not matter. It never serves something else than what it had promised.
 */
import { cpSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

import { byLength, vacuous, withEngine, type Experiment, type Finding, type Scope } from "../experiment.ts";
import { EngineProcess, EngineStartError } from "../process/engine-process.ts";
import { get, inParallel } from "../workload/http.ts";
import { between, oneOf, type Random } from "../workload/random.ts";
import { Trial } from "../workload/trial.ts";
import type { Violation } from "../workload/violation.ts";

const SEGMENTS = { "log.segmentBytes": 131_072 };
/** The store is written all the time, and most of what happened is in it. */
const STORE_HEAVY = { ...SEGMENTS, "checkpoint.interval": 100, "checkpoint.dirtyRows": 50 };
/** The store stays as it was, and everything is in segments. */
const LOG_HEAVY = { ...SEGMENTS, "checkpoint.interval": "1h", "checkpoint.dirtyRows": 1_000_000 };
/** docs/cli.md: a setting (the key file) cannot be used, damaged, of an unknown format, cannot go on. */
const CLEAR_EXITS: readonly (number | null)[] = [2, 12, 13, 70];
const WIDTH = 16;
const INTERNAL_ERROR = 500;

export const bitFlips: Experiment = {
  name: "bit-flip",
  tries: "one bit flipped in a segment, the spare, the store, its write-ahead log, the lock files",
  minutes: 1.5,
  needs: [],
  run,
};

type Tally = {
  detected: number;
  harmless: number;
  files: Map<string, number>;
  verified: number;
  readonly violations: Violation[];
};

async function run(scope: Scope): Promise<Finding> {
  const { random, directory, say } = scope;
  const flips = byLength(scope, { short: 14, long: 150 });
  await using trial = await Trial.begin({ directory, random });
  await withEngine({ directory: trial.data, settings: STORE_HEAVY }, (engine) => trial.register(engine));
  const templates = [
    await makeTemplate(scope, trial, "store"),
    await makeTemplate(scope, trial, "log"),
  ] as const;
  const tally: Tally = {
    detected: 0,
    harmless: 0,
    files: new Map(),
    verified: 0,
    violations: [...trial.verifier.violations],
  };
  for (let flip = 0; flip < flips; flip++) {
    const template = oneOf(random, templates);
    const data = directory.file("flipped");
    cpSync(template.path, data, { recursive: true });
    const { file, what } = flipIn(data, flip, random);
    tally.files.set(kindOf(file), (tally.files.get(kindOf(file)) ?? 0) + 1);
    await serveFrom(data, template, what, tally);
    rmSync(data, { recursive: true });
    if (flip % 50 === 49) say(`${flip + 1} flips, ${tally.detected} detected`);
  }
  return {
    rounds: flips,
    faults: tally.detected,
    verified: tally.verified,
    violations: tally.violations,
    notes: [
      [...tally.files].map(([file, count]) => `${count} × ${file}`).join(", "),
      `${tally.detected} × detected, ${tally.harmless} × harmless`,
    ],
    vacuous: vacuous(
      [tally.detected > 0, "no flip was ever detected: all of them were harmless"],
      [tally.files.size >= 5, `only ${tally.files.size} kinds of files were hit`],
    ),
  };
}

type Template = { readonly path: string; readonly outcomes: ReadonlyMap<string, string> };

async function makeTemplate(scope: Scope, trial: Trial, kind: "store" | "log"): Promise<Template> {
  const settings = kind === "store" ? STORE_HEAVY : LOG_HEAVY;
  await withEngine({ directory: trial.data, settings }, async (engine) => {
    const load = trial.load(engine, { clients: 4, pauseMsMax: 20 });
    await wait(byLength(scope, { short: 700, long: 1_000 }));
    await load.stop(2_000);
    await trial.verifier.settle(engine.ingressUrl);
  });
  const path = scope.directory.file(`template-${kind}`);
  cpSync(trial.data, path, { recursive: true });
  return { path, outcomes: new Map(trial.verifier.outcomes) };
}

/** In files of every kind in turn, however large they are; in them mostly where something is written. */
function flipIn(
  data: string,
  turn: number,
  random: Random,
): { readonly file: string; readonly what: string } {
  const files = readdirSync(data, { recursive: true, encoding: "utf8" }).filter((name) => {
    const { size } = statSync(join(data, name));
    return size > 0 && !statSync(join(data, name)).isDirectory();
  });
  const kinds = Map.groupBy(files.toSorted(), kindOf);
  const [, [firstFile = ""] = []] = [...kinds][turn % kinds.size] ?? [];
  const ofKind = kinds.get(kindOf(firstFile)) ?? [];
  const file = ofKind[between(random, 0, ofKind.length - 1)] ?? firstFile;
  const bytes = readFileSync(join(data, file));
  let offset = between(random, 0, bytes.length - 1);
  if (random() < 0.8) while (offset > 0 && bytes[offset] === 0) offset -= 1;
  const bit = between(random, 0, 7);
  bytes[offset] = (bytes[offset] ?? 0) ^ (1 << bit);
  writeFileSync(join(data, file), bytes);
  return { file, what: `bit ${bit} of byte ${offset} of ${file} (${bytes.length} bytes)` };
}

function kindOf(file: string): string {
  return file.endsWith(".segment") ? "segment" : file.endsWith(".spare") ? "spare segment" : file;
}

async function serveFrom(data: string, { outcomes }: Template, what: string, tally: Tally): Promise<void> {
  let engine: EngineProcess;
  try {
    engine = await EngineProcess.start({ directory: data, settings: LOG_HEAVY });
  } catch (error) {
    if (!(error instanceof EngineStartError)) throw error;
    const code = error.exit?.code ?? null;
    if (CLEAR_EXITS.includes(code)) tally.detected += 1;
    else tally.violations.push({ kind: "stuck", text: `${what}: exit code ${code}: ${error.message}` });
    return;
  }
  try {
    let wrong: string | undefined;
    let refused = 0;
    await inParallel(outcomes, WIDTH, async ([id, outcome]) => {
      const answer = await get(`${engine.ingressUrl}/restate/invocation/${id}/output`).catch(() => undefined);
      if (answer === undefined || answer.status === INTERNAL_ERROR || answer.status === 503) refused += 1;
      else if (answer.text === outcome) tally.verified += 1;
      else wrong ??= `${id} had the outcome ${outcome}, now ${answer.status} ${answer.text}`;
    });
    if (wrong !== undefined) tally.violations.push({ kind: "wrong", text: `${what}: ${wrong}` });
    else if (refused > 0) tally.detected += 1;
    else tally.harmless += 1;
  } finally {
    await engine.kill();
  }
}
