/**
 * Traps on everything that would make a run depend on more than its seed. While a simulation runs, reading the real clock,
 * drawing real randomness or waiting in real time throws, with the stack of whoever did it: a trap finds what a rule about
 * imports would miss.
 */
import crypto from "node:crypto";
import { syncBuiltinESMExports } from "node:module";
import timers from "node:timers";
import timersPromises from "node:timers/promises";

type Place = { readonly owner: Record<string, unknown>; readonly name: string };

const TIMERS = ["setTimeout", "setInterval", "setImmediate"] as const;

const PLACES: readonly Place[] = [
  ...places(Date, ["now"]),
  ...places(Math, ["random"]),
  ...places(performance, ["now"]),
  ...places(process.hrtime, ["bigint"]),
  ...places(globalThis, [...TIMERS, "fetch"]),
  ...places(timers, TIMERS),
  ...places(timersPromises, TIMERS),
  ...places(crypto, ["randomBytes", "randomFillSync", "randomFill", "randomUUID", "randomInt"]),
  // `getRandomValues` of node:crypto cannot be replaced, and is this one.
  ...places(globalThis.crypto, ["getRandomValues", "randomUUID"]),
];

function places(owner: object, names: readonly string[]): Place[] {
  return names.map((name) => ({ owner: owner as Record<string, unknown>, name }));
}

/** What may be used in a way that depends on nothing else: a date of a time that is given. */
const DATE: Place = { owner: globalThis as never, name: "Date" };
const HRTIME: Place = { owner: process as never, name: "hrtime" };

/** Sets the traps. Returns how to take them away. */
export function setTraps(): () => void {
  const taken = [...PLACES, DATE, HRTIME].map(({ owner, name }) => ({
    owner,
    name,
    before: Object.getOwnPropertyDescriptor(owner, name),
  }));
  for (const { owner, name } of PLACES) put({ owner, name }, () => spring(name));
  put(
    DATE,
    new Proxy(Date, {
      construct: (target, args, newTarget) =>
        args.length === 0 ? spring("new Date()") : (Reflect.construct(target, args, newTarget) as Date),
      apply: () => spring("Date()"),
    }),
  );
  put(HRTIME, new Proxy(process.hrtime, { apply: () => spring("hrtime") }));
  syncBuiltinESMExports();
  return () => {
    for (const { owner, name, before } of taken) {
      if (before === undefined) delete owner[name];
      else Object.defineProperty(owner, name, before);
    }
    syncBuiltinESMExports();
  };
}

function put({ owner, name }: Place, value: unknown): void {
  Object.defineProperty(owner, name, { configurable: true, writable: true, value });
}

function spring(name: string): never {
  throw new Error(
    `${name} was used in a simulation: take it from the clock or the randomness that was given`,
  );
}
