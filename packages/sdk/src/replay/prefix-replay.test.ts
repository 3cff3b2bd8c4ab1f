import { describe, test } from "node:test";

import fc from "fast-check";

import { optionsFor, replayAllPrefixes } from "./prefix-replay.contract.ts";
import { replayPrograms } from "./replay-programs.ts";

const ORDERS_PER_PROGRAM = 40;

describe("a replay from any point of the journal", () => {
  for (const program of replayPrograms) {
    test(program.name, async () => {
      await fc.assert(
        fc.asyncProperty(fc.infiniteStream(fc.nat({ max: 9 })), fc.boolean(), (choices, inBatches) =>
          replayAllPrefixes({ ...optionsFor(program), inBatches }, choices),
        ),
        { numRuns: ORDERS_PER_PROGRAM, seed: 4711 },
      );
    });
  }
});
