/**
 * The cases of docs/compatibility.md. Those of the first three groups are called as in Restate's own test suites; what has to
 * hold is said in our words. A test says which of them it is by their names in brackets.
 */
import { KILL_CASES } from "./cases-of-kills.ts";
import { SDK_CASES } from "./cases-of-sdks.ts";
import { SERVER_CASES } from "./cases-of-servers.ts";
import { TYPESCRIPT_CASES } from "./cases-of-typescript.ts";

export type Case = { readonly name: string; readonly holds: string };
export type CaseGroup = { readonly title: string; readonly cases: readonly Case[] };

export const GROUPS: readonly CaseGroup[] = [
  { title: "What every SDK is tried with", cases: SDK_CASES.map(asCase) },
  { title: "What a server is tried with", cases: SERVER_CASES.map(asCase) },
  { title: "What the SDK for TypeScript is tried with", cases: TYPESCRIPT_CASES.map(asCase) },
  { title: "What is tried beyond that", cases: KILL_CASES.map(asCase) },
];

function asCase([name, holds]: readonly [name: string, holds: string]): Case {
  return { name, holds };
}
