/**
 * A second handlers' process answers with noise, for others' sessions, with half frames, with silence, and is killed and frozen
 * on top. Only its own invocations may suffer; the honest one's must not notice.
 */
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { byLength, vacuous, withEngine, type Experiment, type Finding, type Scope } from "../experiment.ts";
import { HandlerProcess } from "../process/handler-process.ts";
import { healthOf } from "../workload/health.ts";
import { get, post } from "../workload/http.ts";
import { between } from "../workload/random.ts";
import { registerDeployment, Trial } from "../workload/trial.ts";

const ROGUE = fileURLToPath(new URL("../workload/rogue-program.ts", import.meta.url));
/** Liars are given up soon, and their invocations paused. */
const SETTINGS = { "retry.initialInterval": 20, "retry.maxInterval": 50, "retry.maxAttempts": 6 };
const ADMIN_MS_MAX = 10_000;

export const lyingHandlers: Experiment = {
  name: "lying-handlers",
  tries:
    "handlers that answer noise, for other sessions, half frames or nothing, killed and frozen, beside honest ones",
  minutes: 0.5,
  needs: [],
  run,
};

async function run(scope: Scope): Promise<Finding> {
  const { random, directory } = scope;
  const rounds = byLength(scope, { short: 4, long: 25 });
  await using trial = await Trial.begin({ directory, random });
  const { verifier } = trial;
  const rogue = new HandlerProcess({ ledger: String(between(random, 1, 1_000_000)), program: ROGUE });
  await rogue.start();
  const sent: string[] = [];
  const statuses = new Map<string, number>();
  try {
    await withEngine({ directory: trial.data, settings: SETTINGS }, async (engine) => {
      await trial.register(engine);
      await registerDeployment(engine, rogue.url);
      const load = trial.load(engine);
      for (let round = 0; round < rounds; round++) {
        for (let i = 0; i < 20; i++) {
          const { status, text } = await post(`${engine.ingressUrl}/rogue/go/send`);
          if (status === 202) sent.push((JSON.parse(text) as { readonly invocationId: string }).invocationId);
        }
        await wait(150);
        if (round % 4 === 1) await rogue.restart();
        if (round % 4 === 3) {
          rogue.freeze();
          await wait(500);
          rogue.thaw();
        }
        if (engine.exit !== undefined) throw new Error(`a liar brought the server down: ${engine.output}`);
        if ((await healthOf(engine.adminUrl, ADMIN_MS_MAX)) !== "ok")
          verifier.report({ kind: "stuck", text: "the server was not well beside a liar" });
      }
      await load.stop(5_000);
      await verifier.settle(engine.ingressUrl);
      for (const id of sent) {
        const { text } = await get(`${engine.adminUrl}/invocations/${id}`);
        const { status = "gone" } = JSON.parse(text) as { readonly status?: string };
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        if (status === "gone")
          verifier.report({ kind: "lost", text: `the liar's invocation ${id} is not there: ${text}` });
      }
    });
  } finally {
    await rogue.kill();
  }
  return {
    rounds,
    faults: sent.length,
    verified: verifier.verified,
    violations: verifier.violations,
    notes: [
      `the liar's invocations: ${[...statuses].map(([status, count]) => `${count} ${status}`).join(", ")}`,
    ],
    vacuous: vacuous(
      [sent.length >= rounds * 10, `only ${sent.length} invocations went to the liar`],
      [verifier.verified > rounds * 5, `only ${verifier.verified} honest acknowledgements`],
    ),
  };
}
