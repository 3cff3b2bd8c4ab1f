/** Few file descriptors, all of them taken by idle connections: the server degrades and recovers. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as wait } from "node:timers/promises";

import { byLength, vacuous, type Experiment, type Finding, type Scope } from "../experiment.ts";
import { EngineProcess } from "../process/engine-process.ts";
import { healthOf } from "../workload/health.ts";
import { Trial } from "../workload/trial.ts";

const DESCRIPTORS = 96;
const IDLE_CONNECTIONS = 200;
const SETTINGS = { "log.segmentBytes": 131_072, "checkpoint.interval": 200 };
const STARVED_MS = 1_500;
const ADMIN_MS_MAX = 3_000;
const EXIT_ENGINE_FAILED = 70;

export const scarceDescriptors: Experiment = {
  name: "descriptors",
  tries: `ulimit -n ${DESCRIPTORS} and ${IDLE_CONNECTIONS} idle connections beside the load`,
  minutes: 0.5,
  needs: ["linux"],
  run,
};

async function run(scope: Scope): Promise<Finding> {
  const rounds = byLength(scope, { short: 1, long: 5 });
  await using trial = await Trial.begin({ directory: scope.directory, random: scope.random });
  const { verifier } = trial;
  const wrapper = ["sh", "-c", `ulimit -n ${DESCRIPTORS}; exec "$@"`, "sh"];
  const options = { directory: trial.data, settings: SETTINGS, wrapper };
  let engine = await EngineProcess.start(options);
  let starved = 0;
  let stopped = 0;
  try {
    await trial.register(engine);
    for (let round = 0; round < rounds; round++) {
      const load = trial.load(engine);
      await wait(300);
      const idle = await openIdle(engine.ingressUrl);
      const newcomer = await healthOf(engine.adminUrl, ADMIN_MS_MAX);
      if (newcomer === "silent") starved += 1;
      await wait(STARVED_MS);
      for (const socket of idle) socket.destroy();
      if (engine.exit !== undefined) {
        // Without a descriptor for the next segment it may stop, clearly; it must not go on without a log.
        stopped += 1;
        if (engine.exit.code !== EXIT_ENGINE_FAILED)
          verifier.report({
            kind: "stuck",
            text: `the server ended with ${engine.exit.code}: ${engine.output}`,
          });
        await load.stop(0);
        engine = await EngineProcess.start(options);
      } else {
        await load.stop(5_000);
        if ((await healthOf(engine.adminUrl, ADMIN_MS_MAX)) !== "ok")
          verifier.report({
            kind: "stuck",
            text: "descriptors are free again, and /health does not answer that all is well",
          });
      }
      await verifier.settle(engine.ingressUrl);
    }
  } finally {
    await engine.kill();
  }
  return {
    rounds,
    faults: starved + stopped,
    verified: verifier.verified,
    violations: verifier.violations,
    notes: [
      `${starved} × newcomers were not served meanwhile, ${stopped} × stopped with exit code ${EXIT_ENGINE_FAILED} and started again`,
    ],
    vacuous: vacuous(
      [starved + stopped > 0, "descriptors never ran out"],
      [verifier.verified > rounds * 10, `only ${verifier.verified} acknowledgements`],
    ),
  };
}

async function openIdle(url: string): Promise<readonly Socket[]> {
  const { hostname, port } = new URL(url);
  const sockets = Array.from({ length: IDLE_CONNECTIONS }, () => connect(Number(port), hostname));
  for (const socket of sockets) socket.on("error", () => socket.destroy()); // Cut off by the server: one idle less.
  await Promise.all(sockets.map((socket) => once(socket, "connect").catch(() => undefined)));
  return sockets;
}
