/**
 * Finds a small plan that fails in the same way: leaves out faults and operations (delta debugging), then nodes of programs.
 * Everything that is left happens at the time and with the draws that it had, because neither depends on the rest.
 */
import type { Node, Program } from "./programs/program.ts";
import type { Fault, Operation, Plan } from "./world/plan.ts";

export type ShrinkOptions = {
  /** Whether the plan still fails, and in the way that is being looked for. */
  readonly fails: (plan: Plan) => Promise<boolean>;
  /** Runs that may be spent. */
  readonly runsMax: number;
};

type Item = { readonly fault: Fault } | { readonly operation: Operation };

export async function shrink(plan: Plan, options: ShrinkOptions): Promise<Plan> {
  let runs = 0;
  const fails = async (candidate: Plan): Promise<boolean> => {
    runs += 1;
    return runs <= options.runsMax && options.fails(candidate);
  };
  let small = await withoutItems(plan, fails);
  small = await withSmallerPrograms(small, fails);
  return withoutItems(small, fails);
}

/** Leaves out ever smaller parts of the list, as long as what remains fails. */
async function withoutItems(plan: Plan, fails: (plan: Plan) => Promise<boolean>): Promise<Plan> {
  let items: Item[] = [
    ...plan.faults.map((fault) => ({ fault })),
    // Without a deployment nothing runs at all.
    ...plan.operations.filter(isOptional).map((operation) => ({ operation })),
  ];
  const build = (kept: readonly Item[]): Plan => ({
    ...plan,
    faults: kept.flatMap((item) => ("fault" in item ? [item.fault] : [])),
    operations: [
      ...plan.operations.filter((operation) => !isOptional(operation)),
      ...kept.flatMap((item) => ("operation" in item ? [item.operation] : [])),
    ],
  });
  for (let size = Math.ceil(items.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < items.length;) {
      const kept = [...items.slice(0, from), ...items.slice(from + size)];
      if (await fails(build(kept))) items = kept;
      else from += size;
    }
  }
  return build(items);
}

function isOptional(operation: Operation): boolean {
  return !(operation.kind === "register" && operation.version === 1);
}

async function withSmallerPrograms(plan: Plan, fails: (plan: Plan) => Promise<boolean>): Promise<Plan> {
  let small = plan;
  for (const { id } of plan.operations) {
    for (let index = 0; ;) {
      const operation = small.operations.find((one) => one.id === id);
      if (operation?.kind !== "submit" || index >= operation.program.body.length) break;
      const candidate = withProgram(small, id, withoutNode(operation.program, index));
      if (await fails(candidate)) small = candidate;
      else index += 1;
    }
  }
  return small;
}

function withoutNode(program: Program, index: number): Program {
  const body: readonly Node[] = program.body.filter((_, at) => at !== index);
  return { ...program, body };
}

function withProgram(plan: Plan, id: number, program: Program): Plan {
  const operations = plan.operations.map((operation) =>
    operation.id === id && operation.kind === "submit" ? { ...operation, program } : operation,
  );
  return { ...plan, operations };
}

/** The plan as lines, in the order of time. */
export function describePlan(plan: Plan): string[] {
  const lines = [
    ...plan.faults.map((fault) => ({ at: fault.at, text: `fault      ${describe(fault)}` })),
    ...plan.operations.map((operation) => ({ at: operation.at, text: `operation  ${describe(operation)}` })),
    { at: plan.healAt, text: "everything is healed" },
  ];
  return lines
    .sort((a, b) => a.at - b.at)
    .map(({ at, text }) => `${String(Math.round(at)).padStart(9)} ms  ${text}`);
}

function describe(item: Fault | Operation): string {
  const facts = Object.entries(item).filter(([name]) => name !== "id" && name !== "at" && name !== "kind");
  return `${item.kind} #${item.id} ${JSON.stringify(Object.fromEntries(facts))}`;
}
