/**
 * What the program of a language is tried with. The names in brackets are the cases of docs/compatibility.md; those that
 * Restate's own suites have are called as they are there.
 */
import { after, before, describe, it } from "node:test";

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
  if (!isBuilt(language)) {
    const needs = `needs ${language.tool}, and once: npm run test:interop`;
    console.log(`NOT TRIED: Restate's SDK for ${name}: ${needs}`);
    it(`Restate's SDK for ${name}`, { skip: needs }, () => {});
    return;
  }
  let program: ServedProgram;
  before(async () => {
    program = await ServedProgram.start(language);
  });
  after(() => program.close());
  for (const mode of MODES) {
    describe(suiteTitle(name, mode), () => {
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
