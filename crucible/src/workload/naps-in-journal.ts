/** What the journals say of timers: each fired once, and not before the moment that it was set for. */
import type { Acknowledgements } from "./acknowledgements.ts";
import { get, inParallel } from "./http.ts";
import type { Verifier } from "./verifier.ts";

const WIDTH = 16;
/** The newest: reading a journal costs more than reading an outcome. */
const CHECKED_MAX = 200;

type Entry = { readonly type: string; readonly detail?: string; readonly completedAt?: string };

/** To be called when everything has come to its end. Both moments are of the clock that the engine goes by. */
export async function checkNapsInJournal(
  adminUrl: string,
  { accepted }: Acknowledgements,
  verifier: Verifier,
): Promise<number> {
  const naps = accepted.filter(({ path }) => path === "flow/nap").slice(-CHECKED_MAX);
  await inParallel(naps, WIDTH, async ({ id }) => {
    const { text } = await get(`${adminUrl}/invocations/${id}/journal`);
    const { items = [] } = JSON.parse(text) as { readonly items?: readonly Entry[] };
    const sleep = items.find(({ detail }) => detail?.startsWith("until ") === true);
    const completions = items.filter(({ type }) => /sleep.*completion/i.test(type)).length;
    if (completions !== 1)
      verifier.report({ kind: "duplicate", text: `${id} woke ${completions} times: ${text}` });
    const until = Date.parse(sleep?.detail?.slice("until ".length) ?? "");
    const at = Date.parse(sleep?.completedAt ?? "");
    if (!(at >= until))
      verifier.report({ kind: "early", text: `${id} woke before its time: ${JSON.stringify(sleep)}` });
  });
  return naps.length;
}
