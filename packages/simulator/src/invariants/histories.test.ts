import { test } from "node:test";

import { playHistory } from "@holdfast/engine/testing";
import fc from "fast-check";

import { Watch } from "./watched-world.contract.ts";

test("whatever happens in whatever order, a partition that is right breaks no invariant", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(100_000), { minLength: 100, maxLength: 900, size: "max" }), (numbers) => {
      const watched = new Watch();
      const world = playHistory(numbers, { monitored: false, watcher: watched });
      watched.rest({ now: world.now, retentionSlackMs: Number.POSITIVE_INFINITY });
    }),
    { numRuns: 30, interruptAfterTimeLimit: 8_000 },
  );
});
