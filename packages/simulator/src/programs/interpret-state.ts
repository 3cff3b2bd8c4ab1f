/** State: every read is held against what the same invocation wrote before. */
import { COUNTER, type StateNode } from "./program.ts";
import { needed, type Scope } from "./scope.ts";

export async function touchState(scope: Scope, { op, key, size }: StateNode): Promise<unknown> {
  switch (op) {
    case "get":
      return (await read<string>(scope, key))?.length ?? "absent";
    case "keys": {
      const check = scope.writes?.keysCheck();
      const keys = await needed(scope, "view").keys();
      report(scope, check?.(keys));
      return keys;
    }
    case "set":
      write(scope, key, "s".repeat(size));
      return "set";
    case "clear":
      needed(scope, "state").clear(key);
      scope.writes?.clear(key);
      return "cleared";
    case "clear-all":
      needed(scope, "state").clearAll();
      scope.writes?.clearAll();
      return "cleared";
  }
}

export async function increment(scope: Scope): Promise<number> {
  const count = ((await read<number>(scope, COUNTER)) ?? 0) + 1;
  write(scope, COUNTER, count);
  return count;
}

async function read<Value>(scope: Scope, key: string): Promise<Value | undefined> {
  // As of now: what a branch beside this one writes while the read is under way comes behind it in the journal.
  const own = scope.writes?.read(key);
  const value = await needed(scope, "view").get<Value>(key);
  if (own !== undefined && own.json !== JSON.stringify(value))
    report(scope, `State ${key} is ${JSON.stringify(value)} to the handler that made it ${own.json}`);
  return value;
}

function write(scope: Scope, key: string, value: unknown): void {
  needed(scope, "state").set(key, value);
  scope.writes?.set(key, value);
}

function report({ ctx, host }: Scope, problem: string | undefined): void {
  if (problem !== undefined) host.violated(ctx.invocationId, problem);
}
