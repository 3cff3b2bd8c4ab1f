/**
 * Few file descriptors, and more idle connections than there are: the server keeps what its log needs, serves operators
 * meanwhile, and everybody afterwards. It does not end.
 */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as wait } from "node:timers/promises";

import { byLength, vacuous, type Experiment, type Finding, type Scope } from "../experiment.ts";
import { EngineProcess } from "../process/engine-process.ts";
import { healthOf } from "../workload/health.ts";
import { Trial } from "../workload/trial.ts";

/** Leaves the ingress room for the callers of the verifier, sixteen at a time. */
const DESCRIPTORS = 128;
const IDLE_CONNECTIONS = 200;
const SETTINGS = { "log.segmentBytes": 131_072, "checkpoint.interval": 200 };
const STARVED_MS = 1_500;
const ADMIN_MS_MAX = 10_000;

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
  const engine = await EngineProcess.start(options);
  let cutOff = 0;
  let crowded = 0;
  const stuck = (text: string): void => verifier.report({ kind: "stuck", text });
  try {
    await trial.register(engine);
    for (let round = 0; round < rounds; round++) {
      const load = trial.load(engine);
      await wait(300);
      const idle = await openIdle(engine.ingressUrl);
      if ((await healthOf(engine.adminUrl, ADMIN_MS_MAX)) === "silent")
        stuck("idle connections of the ingress keep operators out");
      await wait(STARVED_MS);
      const cut = idle.filter(({ destroyed }) => destroyed).length;
      cutOff += cut;
      if (cut > 0) crowded += 1;
      for (const socket of idle) socket.destroy();
      await load.stop(5_000);
      if (engine.exit !== undefined) {
        stuck(`idle connections ended the server with ${engine.exit.code}: ${engine.output}`);
        break;
      }
      if ((await healthOf(engine.adminUrl, ADMIN_MS_MAX)) !== "ok")
        stuck("descriptors are free again, and /health does not answer that all is well");
      await verifier.settle(engine.ingressUrl);
    }
  } finally {
    await engine.kill();
  }
  return {
    rounds,
    faults: crowded,
    verified: verifier.verified,
    violations: verifier.violations,
    notes: [`${cutOff} × idle connections were refused`],
    vacuous: vacuous(
      [crowded === rounds, `there was room for all connections in ${rounds - crowded} of ${rounds} rounds`],
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
