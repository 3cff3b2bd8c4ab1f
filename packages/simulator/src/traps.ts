/**
 * Traps on everything that would make a run depend on more than its seed. While a simulation runs, reading the real clock,
 * drawing real randomness or waiting in real time throws, with the stack of whoever did it: a trap finds what a rule about
 * imports would miss.
 */
import crypto from "node:crypto";
import { syncBuiltinESMExports } from "node:module";

type Place = { readonly owner: Record<string, unknown>; readonly name: string };

const PLACES: readonly Place[] = [
  { owner: Date as never, name: "now" },
  { owner: Math as never, name: "random" },
  { owner: performance as never, name: "now" },
  ...["setTimeout", "setInterval", "setImmediate", "fetch"].map((name) => ({
    owner: globalThis as never,
    name,
  })),
  ...["randomBytes", "randomFillSync", "randomFill", "randomUUID", "randomInt"].map((name) => ({
    owner: crypto as never,
    name,
  })),
];

/** Sets the traps. Returns how to take them away. */
export function setTraps(): () => void {
  const taken = PLACES.map(({ owner, name }) => ({
    owner,
    name,
    before: Object.getOwnPropertyDescriptor(owner, name),
  }));
  for (const { owner, name } of PLACES) {
    Object.defineProperty(owner, name, {
      configurable: true,
      writable: true,
      value: () => {
        throw new Error(
          `${name} was used in a simulation: take it from the clock or the randomness that was given`,
        );
      },
    });
  }
  syncBuiltinESMExports();
  return () => {
    for (const { owner, name, before } of taken) {
      if (before === undefined) delete owner[name];
      else Object.defineProperty(owner, name, before);
    }
    syncBuiltinESMExports();
  };
}
