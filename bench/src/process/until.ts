import { setTimeout as wait } from "node:timers/promises";

const PAUSE_MS = 10;

/** Asks again and again until the answer is not undefined. Fails after `msMax`, naming what was waited for. */
export async function until<Answer>(
  what: string,
  msMax: number,
  ask: () => Answer | undefined | Promise<Answer | undefined>,
  pauseMs = PAUSE_MS,
): Promise<Answer> {
  const deadline = performance.now() + msMax;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > deadline) throw new Error(`${what} did not happen within ${msMax} ms`);
    await wait(pauseMs);
  }
}
