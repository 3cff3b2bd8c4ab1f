import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { describe, it, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";

import { sendCommand } from "./control/control-client.ts";
import type { LedgerLine } from "./steps/ledger.ts";
import { controlOf, fetchPage, TestData, until, untilNothingRuns } from "./testing/slipway-process.ts";

const HOST = "sample-app.localhost";
const SAMPLE = fileURLToPath(new URL("../sample-app", import.meta.url));
/** In each test, in as many deployments as it takes. */
const KILLS_MIN = 4;
const KILLS_MAX = 7;
const SEED_MAX = 2 ** 31;

/** Each step with the steps that must have ended before it begins. */
const STEPS: Readonly<Record<string, readonly string[]>> = {
  upload: [],
  build: ["upload"],
  "start fra": ["build"],
  "start iad": ["build"],
  "healthy fra": ["start fra"],
  "healthy iad": ["start iad"],
  [`switch ${HOST}`]: ["healthy fra", "healthy iad"],
  visit: [`switch ${HOST}`],
};

describe("a deployment under kill -9", () => {
  // Short advances: many kills in one deployment. Long ones: kills also in the middle of what takes long.
  for (const { name, linesMax, lateMsMax, isSecond } of [
    { name: "after every few steps", linesMax: 2, lateMsMax: 8, isSecond: false },
    { name: "at any moment", linesMax: 8, lateMsMax: 300, isSecond: false },
    { name: "in place of another one", linesMax: 4, lateMsMax: 50, isSecond: true },
  ]) {
    it(`${name} ends live, and no finished step runs twice`, async (t) => {
      const seed = seedOf();
      t.diagnostic(`SLIPWAY_KILL_SEED=${seed}`);
      const random = randomOf(seed);
      const next = (): KillPlan => ({
        lines: 1 + Math.floor(random() * linesMax),
        lateMs: random() * lateMsMax,
        startMs: 100 + random() * 900,
        byTime: random() < 0.25,
      });
      for (let kills = 0; kills < KILLS_MIN;) {
        await using data = new TestData();
        const earlier = isSecond ? await deployFirst(data) : [];
        const killed = await killUntilLive(data, earlier, next);
        await assertLive(data, t, { earlier, kills: killed });
        kills += killed;
      }
    });
  }
});

/** Has one deployment live and another one written down. Returns the first. */
async function deployFirst(data: TestData): Promise<readonly string[]> {
  assert.equal(await data.start("--once").exited, 0);
  const earlier = data.deployments();
  const slipway = data.start(SAMPLE);
  await until(() => slipway.isOver || data.deployments().length > earlier.length);
  await slipway.kill();
  return earlier;
}

interface KillPlan {
  /** After so many more lines in the ledger, */
  readonly lines: number;
  /** and so much later; */
  readonly lateMs: number;
  /** or at this time after the start, whatever has happened by then. */
  readonly startMs: number;
  readonly byTime: boolean;
}

/** Starts Slipway and kills it, again and again, until a deployment has got through in between. */
async function killUntilLive(
  data: TestData,
  earlier: readonly string[],
  next: () => KillPlan,
): Promise<number> {
  for (let kills = 0; kills < KILLS_MAX; kills++) {
    const plan = next();
    const before = data.progress();
    const slipway = data.start();
    const isLive = (): boolean => isAllDone(data, earlier) || slipway.output.includes("is live: ");
    if (plan.byTime) await pause(plan.startMs);
    else await until(() => slipway.isOver || isLive() || data.progress() >= before + plan.lines);
    await pause(plan.lateMs);
    assert.equal(slipway.isOver, false, slipway.output);
    const wasLive = isLive();
    await slipway.kill();
    if (wasLive) return kills + 1;
  }
  return KILLS_MAX;
}

/** The last step of the deployment has been done. */
function isAllDone(data: TestData, earlier: readonly string[]): boolean {
  const current = data.deployments().find((deployment) => !earlier.includes(deployment));
  const lines = current === undefined ? [] : data.ledger(current);
  return lines.some(({ step, event }) => step === "visit" && event === "done");
}

async function assertLive(
  data: TestData,
  t: TestContext,
  { earlier, kills }: { readonly earlier: readonly string[]; readonly kills: number },
): Promise<void> {
  const slipway = data.start();
  const [, port] = await slipway.says(/visitors on port (\d+)/);
  await slipway.says(/is live: /);
  const page = await fetchPage(Number(port), HOST);
  assert.equal(page.status, 200, slipway.output);
  assert.match(page.body, /It floats/);

  const [deployment, ...others] = data.deployments().filter((each) => !earlier.includes(each));
  assert.deepEqual(others, [], "an interrupted deployment is continued, not begun anew");
  assert.equal(page.headers["x-slipway-deployment"], deployment);
  const lines = data.ledger(deployment ?? "");
  const recalled = lines.filter(({ event }) => event === "recalled").length;
  t.diagnostic(`${kills} kills, ${lines.length} ledger lines, ${recalled} steps had finished unheard`);
  assertEveryStepOnce(lines, kills);
  const { body } = await sendCommand(controlOf(data), "GET", "/status");
  const [app] = body["apps"] as readonly { readonly history: readonly { readonly to: string }[] }[];
  const switches = app?.history.map(({ to }) => to);
  assert.deepEqual(switches, [...earlier, deployment], "the host name was switched once for each deployment");

  assert.equal(await slipway.terminate(), 0);
  await untilNothingRuns(data);
}

/** What the ledger proves. */
function assertEveryStepOnce(lines: readonly LedgerLine[], kills: number): void {
  const text = lines.map(({ step, event, run }) => `${run.slice(0, 4)} ${event} ${step}`).join("\n");
  const positions = (step: string, event: LedgerLine["event"]): number[] =>
    lines.flatMap((line, index) => (line.step === step && line.event === event ? [index] : []));

  assert.deepEqual(
    [...new Set(lines.map(({ step }) => step))].toSorted(),
    Object.keys(STEPS).toSorted(),
    text,
  );
  assert.deepEqual(positions("build", "failed"), [], text);
  for (const [step, earlier] of Object.entries(STEPS)) {
    const begun = positions(step, "begin");
    const [done = -1, ...doneAgain] = positions(step, "done");
    assert.equal(new Set(lines.filter((line) => line.step === step).map(({ key }) => key)).size, 1, text);
    assert.ok(done >= 0, `${step} was not done\n${text}`);
    assert.deepEqual(doneAgain, [], `${step} was done twice\n${text}`);
    assert.ok(
      begun.every((index) => index < done),
      `${step} was begun again when it had been done\n${text}`,
    );
    assert.ok(begun.length <= kills + 1, `${step} was begun more often than it was interrupted\n${text}`);
    for (const other of earlier) {
      const [otherDone = Infinity] = positions(other, "done");
      assert.ok(
        begun.every((index) => index > otherDone),
        `${step} was begun before ${other} was done\n${text}`,
      );
      // Behind the begin of a later step the engine has heard of the earlier one, and does not ask again.
      const [first = 0] = begun;
      assert.ok(
        positions(other, "recalled").every((index) => index < first),
        `${other} was run again\n${text}`,
      );
    }
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function seedOf(): number {
  const given = process.env["SLIPWAY_KILL_SEED"];
  return given === undefined ? randomInt(SEED_MAX) : Number(given);
}

/** Numbers in [0, 1), the same for the same seed. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
