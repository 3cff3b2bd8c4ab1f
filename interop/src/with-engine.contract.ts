/** The real server that has registered the program of a language. */
import { join } from "node:path";

import { EngineProcess } from "./engine-process.contract.ts";
import type { ServedProgram } from "./served-program.contract.ts";
import type { Mode } from "./suite-titles.ts";
import { fresh } from "./world.contract.ts";

/** Is ended with the test. */
export async function withEngine(
  program: ServedProgram,
  { inactivityTimeoutMs }: Mode,
  test: (engine: EngineProcess) => Promise<void>,
): Promise<void> {
  const settings = [`session.inactivityTimeout=${inactivityTimeoutMs}ms`];
  const engine = await EngineProcess.start(join(program.folder, fresh("data")), settings);
  try {
    await program.whenReady(() => engine.register(program.url));
    await test(engine);
  } finally {
    await engine.end("SIGKILL");
  }
}
