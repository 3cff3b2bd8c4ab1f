import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { createRandom } from "../random.ts";
import type { ProgramOptions } from "./draft.ts";
import { generateProgram } from "./generate.ts";
import { THING_KEYS, type Node, type Program } from "./program.ts";
import { SHARED_BY_ID } from "./shared-programs.ts";
import { VERBS, verbsOf, type Verb } from "./verbs.ts";

const PROGRAMS = 400;

function generate(seed: number, options?: ProgramOptions): Program {
  return generateProgram(createRandom(`generate ${seed}`), options);
}

/** The nodes inside a node that the same invocation runs. */
function innerOf(node: Node): readonly Node[] {
  switch (node.kind) {
    case "branches":
      return node.branches.flat();
    case "overlap":
      return [node.first, ...node.meanwhile];
    case "loop":
      return node.body;
    case "try":
      return [...node.body, ...(node.rescue ?? []), ...(node.always ?? [])];
    default:
      return [];
  }
}

function all(nodes: readonly Node[]): Node[] {
  return nodes.flatMap((node) => [node, ...all(innerOf(node))]);
}

/** The program itself and all that it asks others to run. */
function withCallees(program: Program): Program[] {
  const callees = all(program.body).flatMap((node) => ("program" in node ? withCallees(node.program) : []));
  return [program, ...callees];
}

describe("a generated program", () => {
  it("is the same for the same seed and options", () => {
    for (let seed = 0; seed < 50; seed++) assert.deepEqual(generate(seed), generate(seed));
    assert.notDeepEqual(generate(1), generate(2));
  });

  it("is plain data", () => {
    for (let seed = 0; seed < 100; seed++) {
      const program = generate(seed);
      assert.deepEqual(JSON.parse(JSON.stringify(program)), program);
    }
  });

  it("uses each verb somewhere", () => {
    const seen = new Set<Verb>();
    for (let seed = 0; seed < PROGRAMS; seed++)
      for (const { body } of withCallees(generate(seed, { unstable: true })))
        for (const node of all(body)) for (const verb of verbsOf(node)) seen.add(verb);
    // The functions that take back what was done are called when the handler has ended.
    assert.deepEqual(
      VERBS.filter((verb) => !seen.has(verb)),
      ["undo"],
    );
  });

  it("stays within its bounds, and leaves out what it was told to", () => {
    for (let seed = 0; seed < PROGRAMS; seed++) {
      const program = generate(seed, { nodesMax: 12, pauses: false, stepMsMax: 500, resultSizeMax: 2_000 });
      // A recipe may wrap its node in a block, and two throws may be added around the body.
      const nodes = withCallees(program).flatMap(({ body }) => all(body));
      assert.ok(nodes.length <= 12 * 3 + 2, `${seed}: ${nodes.length}`);
      for (const node of nodes) {
        assert.ok(node.kind !== "unstable" && !(node.kind === "throw" && node.error === "pause"));
        if (node.kind === "run" && node.plan === "slow") assert.ok(node.ms <= 500);
        if (node.kind === "run" && node.plan === "large") assert.ok(node.ms <= 2_000);
      }
    }
  });

  it("waits for locks in their order only, so that nobody waits in a circle", () => {
    for (let seed = 0; seed < PROGRAMS; seed++) checkLocks(generate(seed), -1, seed);
  });

  it("never waits without limit for somebody who may not come", () => {
    for (let seed = 0; seed < PROGRAMS; seed++) {
      for (const { body } of withCallees(generate(seed))) {
        for (const node of all(body)) {
          if (node.kind !== "awakeable" && node.kind !== "signal" && node.kind !== "promise-wait") continue;
          const mayNotCome = node.by === "nobody" || node.by === "outside";
          assert.ok(node.timeoutMs > 0 || !mayNotCome, JSON.stringify(node));
        }
      }
    }
  });

  it("counts and throws only where nothing else of its handler goes on", () => {
    for (let seed = 0; seed < PROGRAMS; seed++) {
      for (const { body } of withCallees(generate(seed))) {
        for (const node of all(body)) {
          if (node.kind !== "branches" && node.kind !== "overlap") continue;
          for (const inner of all(innerOf(node))) {
            const isAccident = inner.kind === "throw" && inner.error !== "terminal";
            const isAlone = inner.kind === "increment" || inner.kind === "cancel-self" || isAccident;
            assert.ok(!isAlone, `${seed}: ${JSON.stringify(inner)}`);
          }
        }
      }
    }
  });
});

/** `held`: index of the last lock that somebody holds who waits for this program; -1: none. */
function checkLocks(program: Program, held: number, seed: number): void {
  const { target } = program;
  const isExclusive = target.service === "thing" && target.handler !== "look";
  const own = isExclusive ? THING_KEYS.findIndex((key) => key === target.key) : held;
  if (isExclusive) assert.ok(own > held, `${seed}: waits for ${target.key} and holds ${THING_KEYS[held]}`);
  for (const node of all(program.body)) {
    if (node.kind === "call") checkLocks(node.program, own, seed);
    if (node.kind === "send") {
      const isAwaited = node.after.some((after) => after === "attach" || after === "attach-address");
      checkLocks(node.program, isAwaited ? own : -1, seed);
    }
    if ("program" in node) checkShared(node);
  }
}

function checkShared(node: Extract<Node, { program: Program }>): void {
  const id = node.kind === "call" ? node.idempotencyKey : node.id;
  if (id !== undefined) assert.deepEqual(node.program, SHARED_BY_ID[id]);
}
