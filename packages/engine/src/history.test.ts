import { test } from "node:test";

import fc from "fast-check";

import { playHistory } from "./testing/random-history.ts";

/** HOLDFAST_HISTORIES=1000 npm test -- --only history looks longer. */
const RUNS = Number(process.env["HOLDFAST_HISTORIES"] ?? 60);

test("whatever happens in whatever order, the invariants hold, a restart changes nothing, and all comes to an end", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(100_000), { minLength: 100, maxLength: 900, size: "max" }), (numbers) => {
      playHistory(numbers);
    }),
    { numRuns: RUNS, interruptAfterTimeLimit: 8_000 },
  );
});
