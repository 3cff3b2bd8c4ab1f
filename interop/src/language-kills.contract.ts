/** One handler that is in a step, asleep, waiting, and in a call, while the server or its own process is killed. */
import assert from "node:assert/strict";
import { it, type TestContext } from "node:test";

import type { EngineProcess } from "./engine-process.contract.ts";
import type { Language } from "./languages.ts";
import type { ServedProgram } from "./served-program.contract.ts";
import type { Mode } from "./suite-titles.ts";
import { withEngine } from "./with-engine.contract.ts";
import { eventually, fresh, pause } from "./world.contract.ts";

const LOOK_AGAIN_MS = 10;
/** Nothing here takes a tenth of that, but on a machine with other things to do. */
const timeout = 90_000;

type Victim = "server" | "handler";

export function languageKills(language: Language, mode: Mode, program: () => ServedProgram): void {
  for (const victim of ["server", "handler"] as const) {
    it(`goes on where it was when the process of the ${victim} is killed`, { timeout }, async (t) => {
      await withEngine(program(), mode, (engine) =>
        travel(t, new Journey(language, victim, program(), engine)),
      );
    });
  }
}

async function travel(t: TestContext, journey: Journey): Promise<void> {
  const title = journey.victim === "server" ? "KillServer" : "KillHandler";
  const { engine, name, program } = journey;
  await journey.add(1);
  const id = await engine.send(`sample/${journey.language.handlerName("journey")}`, name);

  await t.test(`in a step [${title}.inAStep]`, async () => {
    await journey.killInGate("slow");
  });
  await t.test(
    `asleep [${title}.asleep]${journey.also("SleepWithFailures.sleepAndKillServiceEndpoint")}`,
    async () => {
      await journey.until(id, "Sleep", 1);
      await journey.kill(() => assert.equal(awaited(journey), undefined, "the sleep was over too soon"));
    },
  );
  await t.test(`waiting for an awakeable [${title}.awaiting]`, async () => {
    await eventually(() => awaited(journey) !== undefined, "the awakeable");
    await journey.until(id, "RunCompletion", 4);
    await journey.kill();
    await engine.resolveAwakeable(awaited(journey) ?? "", "woken");
  });
  await t.test(`in a call [${title}.inACall]`, async () => {
    await journey.killInGate("callee");
  });
  await t.test(
    `and no result that it had is made again [${title}.nothingTwice] [AwakeableIngressEndpointTest.completeWithSuccess]`,
    async () => {
      assert.deepEqual(await engine.attach(id), ["first", "slow", "woken", "callee", 1, "last"]);
      const said = program.said(name).map((line) => line.replace(/ .*/, ""));
      assert.deepEqual(said, ["first", "slow", "slow", "sleepy", "awaits", "callee", "callee", "last"]);
    },
  );
  if (journey.victim === "handler") await terminate(t, journey);
  else await keepState(t, journey);
}

/** The end that whoever runs the handler's process gives it usually. */
async function terminate(t: TestContext, { language, engine, program }: Journey): Promise<void> {
  const ms = 1_000;
  await t.test(
    "asleep, when it is told to end [SleepWithFailures.sleepAndTerminateServiceEndpoint]",
    async () => {
      const begun = Date.now();
      const id = await engine.send(`sample/${language.handlerName("nap")}`, ms);
      await waitFor(engine, id, "Sleep", 1);
      await program.stop();
      program.restart();
      assert.equal(await engine.attach(id), "slept");
      assert.ok(Date.now() - begun >= ms, "the sleep was cut short");
    },
  );
}

async function keepState(t: TestContext, journey: Journey): Promise<void> {
  const { engine } = journey;
  await t.test(
    "the state of an object is kept [KillRuntime.startAndKillRuntimeRetainsTheState]",
    async () => {
      assert.equal(await journey.add(2), 3);
    },
  );
  await t.test("also when it is stopped [StopRuntime.startAndStopRuntimeRetainsTheState]", async () => {
    await engine.end("SIGTERM");
    await engine.restart();
    assert.equal(await journey.add(3), 6);
  });
}

/** The id of the awakeable that the handler waits for. */
function awaited({ name, program }: Journey): string | undefined {
  const line = program.said(name).find((one) => one.startsWith("awaits "));
  return line?.slice("awaits ".length);
}

class Journey {
  readonly language: Language;
  readonly victim: Victim;
  readonly program: ServedProgram;
  readonly engine: EngineProcess;

  /** What its steps carry in the ledger. */
  readonly name: string = fresh("trip");

  constructor(language: Language, victim: Victim, program: ServedProgram, engine: EngineProcess) {
    this.language = language;
    this.victim = victim;
    this.program = program;
    this.engine = engine;
  }

  /** The second name of a case, for those of which Restate's suites know only the handler's death. */
  also(name: string): string {
    return this.victim === "handler" ? ` [${name}]` : "";
  }

  /** The state of an object. */
  async add(amount: number): Promise<unknown> {
    return this.engine.call(`tally/kept/${this.language.handlerName("add")}`, amount);
  }

  /** `whileDead` looks at things while nothing can go on. */
  async kill(whileDead: () => void = () => {}): Promise<void> {
    const victim = this.victim === "server" ? this.engine : this.program;
    await victim.end("SIGKILL");
    whileDead();
    await victim.restart();
  }

  /** Kills while a step is under way, and lets it pass when it was begun again. */
  async killInGate(step: string): Promise<void> {
    const begun = (): number => this.program.said(this.name).filter((line) => line === step).length;
    await eventually(() => begun() === 1, `the step ${step}`);
    await this.kill();
    await eventually(() => begun() === 2, `the step ${step} again`);
    this.program.openGate(this.name, step);
  }

  /** Waits until the journal has so many messages of a kind, and all of that is durable. */
  async until(id: string, type: string, times: number): Promise<void> {
    await waitFor(this.engine, id, type, times);
    // What is shown may still be on its way to the disk; what is answered is there, with all that was before it in the log.
    await this.add(0);
  }
}

async function waitFor(engine: EngineProcess, id: string, type: string, times: number): Promise<void> {
  const count = async (): Promise<number> => {
    const journal = await engine.journal(id);
    return journal.filter((entry) => entry.type === type).length;
  };
  while ((await count()) < times) await pause(LOOK_AGAIN_MS);
}
