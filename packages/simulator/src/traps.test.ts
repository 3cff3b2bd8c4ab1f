import assert from "node:assert/strict";
import crypto from "node:crypto";
import { describe, it } from "node:test";
import { setTimeout as wait } from "node:timers/promises";

import { setTraps } from "./traps.ts";

const USES: Readonly<Record<string, () => unknown>> = {
  "the time of day": () => Date.now(),
  "a date of now": () => new Date(),
  "a date of now as text": () => Date(),
  "the time since the start": () => performance.now(),
  "the time in nanoseconds": () => process.hrtime.bigint(),
  "the time in seconds and nanoseconds": () => process.hrtime(),
  "a random number": () => Math.random(),
  "random bytes": () => crypto.randomBytes(1),
  "random values": () => crypto.getRandomValues(new Uint8Array(1)),
  "random values of the web": () => globalThis.crypto.getRandomValues(new Uint8Array(1)),
  "a random id of the web": () => globalThis.crypto.randomUUID(),
  "a timer": () => setTimeout(() => {}, 0),
};

describe("while a simulation runs", () => {
  for (const [what, use] of Object.entries(USES)) {
    it(`${what} is refused, and is there again afterwards`, () => {
      const release = setTraps();
      try {
        assert.throws(use, /was used in a simulation/);
      } finally {
        release();
      }
      assert.doesNotThrow(use);
    });
  }

  it("a wait in real time is refused", async () => {
    const release = setTraps();
    try {
      assert.throws(() => wait(0), /was used in a simulation/);
    } finally {
      release();
    }
    await wait(0);
  });

  it("a date of a time that is given is a date", () => {
    const release = setTraps();
    try {
      const date = new Date(0);
      assert.ok(date instanceof Date);
      assert.equal(date.toISOString(), "1970-01-01T00:00:00.000Z");
    } finally {
      release();
    }
  });
});
