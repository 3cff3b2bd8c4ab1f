import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { wrapTopLevelAwait } from "./top-level-await.ts";

const wrap = (source: string): string => wrapTopLevelAwait("main.ts", source);

describe("wrapTopLevelAwait", () => {
  it("puts what follows the imports into a function, every line in its place", () => {
    const source = 'import a from "./a.ts";\nimport type { B } from "./b.ts";\n\nawait a();\nconst b: B = 1;';
    assert.equal(
      wrap(source),
      'import a from "./a.ts";\nimport type { B } from "./b.ts"; void (async () => {\n\nawait a();\nconst b: B = 1;\n})();\n',
    );
  });

  it("keeps a last comment from swallowing the end", () => {
    assert.match(wrap("await 1; // done"), /\/\/ done\n\}\)\(\);\n$/);
  });

  it("refuses what it would change the meaning of", () => {
    assert.throws(() => wrap("export const a = 1;"), /Cannot wrap main\.ts: it has exports/);
    assert.throws(() => wrap('a();\nimport a from "./a.ts";'), /an import follows a statement/);
  });
});
