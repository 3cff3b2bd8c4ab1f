/**
 * What the program of a language is tried with. The names in brackets are the cases of docs/compatibility.md; those that
 * Restate's own suites have are called as they are there.
 */
import { after, before, describe } from "node:test";

import { languageCancels } from "./language-cancels.contract.ts";
import { languageIngress } from "./language-ingress.contract.ts";
import { languageKills } from "./language-kills.contract.ts";
import { languageSemantics } from "./language-semantics.contract.ts";
import { isBuilt, languageNamed } from "./languages.ts";
import { ServedProgram, type Served } from "./served-program.contract.ts";
import { MODES, suiteTitle } from "./suite-titles.ts";
import { World } from "./world.contract.ts";

export function languageSuite(name: string): void {
  const language = languageNamed(name);
  const skip = !isBuilt(language);
  if (skip) {
    console.log(
      `NOT TRIED: Restate's SDK for ${name}: needs ${language.tool}, and once: npm run test:interop`,
    );
  }
  let program: ServedProgram;
  before(async () => {
    if (!skip) program = await ServedProgram.start(language);
  });
  after(async () => {
    if (!skip) await program.close();
  });
  for (const mode of MODES) {
    describe(suiteTitle(name, mode), { skip }, () => {
      const open = async (): Promise<Served> => {
        const { inactivityTimeoutMs } = mode;
        const world = await World.open([], { settings: { inactivityTimeoutMs } });
        await program.whenReady(() => world.register(program.url));
        return { program, world };
      };
      languageSemantics(language, open);
      languageCancels(language, open);
      languageIngress(language, mode, () => program);
      languageKills(language, mode, () => program);
    });
  }
}
