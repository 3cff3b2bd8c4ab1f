// The core must compute the same from the same records on any machine, any day and any Node. The compiler already
// takes Node and the DOM away from it; this rule takes away what ECMAScript itself offers.

import type { Node } from "oxc-parser";

import type { Rule } from "../rule.ts";
import { type Finding, findingAt, walk } from "../source-file.ts";

const FORBIDDEN_MEMBERS: ReadonlyMap<string, string> = new Map([
  ["Date.now", "take the time from the record, where its proposer stamped it"],
  ["Math.random", "take randomness from the record, where its proposer stamped it"],
]);
const FORBIDDEN_GLOBALS: ReadonlyMap<string, string> = new Map([
  ["Intl", "its answers change with Node's ICU data: compare and format by code units"],
  ["WeakRef", "garbage collection must not be observable"],
  ["FinalizationRegistry", "garbage collection must not be observable"],
]);
const LOCALE_METHOD = /^(localeCompare|toLocale\w+)$/;

export const determinism: Rule = {
  name: "determinism",
  applies: (file) =>
    /^packages\/(engine|protocol)\/src\//.test(file.path) && file.syntax !== undefined && !file.isTest,
  check: (files) =>
    files.flatMap((file) => {
      const findings: Finding[] = [];
      if (file.syntax === undefined) return findings;
      walk(file.syntax.program, (node, parent) => {
        const message = judge(node, parent);
        if (message !== undefined) findings.push(findingAt(file, node.start, message));
      });
      return findings;
    }),
};

function judge(node: Node, parent: Node | undefined): string | undefined {
  switch (node.type) {
    case "MemberExpression":
      return judgeMember(node);
    case "NewExpression": {
      const isDate = node.callee.type === "Identifier" && node.callee.name === "Date";
      return isDate && node.arguments.length === 0
        ? "new Date() reads the clock: pass the time in"
        : undefined;
    }
    case "CallExpression": {
      const isDate = node.callee.type === "Identifier" && node.callee.name === "Date";
      return isDate ? "Date() reads the clock: pass the time in" : undefined;
    }
    case "FunctionDeclaration":
    case "FunctionExpression":
    case "ArrowFunctionExpression":
      return node.async
        ? "the core is synchronous: do the waiting in the server and pass the result in"
        : undefined;
    case "AwaitExpression":
      return "the core is synchronous: do the waiting in the server and pass the result in";
    case "ImportExpression":
      return "import at the top of the file: a dynamic import is asynchronous and may fail";
    case "Identifier":
      return isReference(node, parent) ? FORBIDDEN_GLOBALS.get(node.name) : undefined;
    default:
      return undefined;
  }
}

function judgeMember(node: Node & { type: "MemberExpression" }): string | undefined {
  const property = memberName(node);
  if (property === undefined) return undefined;
  if (LOCALE_METHOD.test(property))
    return `${property} depends on the machine's locale: compare by code units`;
  return node.object.type === "Identifier"
    ? FORBIDDEN_MEMBERS.get(`${node.object.name}.${property}`)
    : undefined;
}

function memberName(node: Node & { type: "MemberExpression" }): string | undefined {
  const { property } = node;
  if (property.type === "Identifier" && !node.computed) return property.name;
  return property.type === "Literal" && typeof property.value === "string" ? property.value : undefined;
}

/** False for `x.Intl` and `{ Intl: 1 }`, where the word is only a name. */
function isReference(node: Node, parent: Node | undefined): boolean {
  if (parent?.type === "MemberExpression") return parent.computed || parent.object === node;
  return !(parent?.type === "Property" && parent.key === node && !parent.computed && !parent.shorthand);
}
