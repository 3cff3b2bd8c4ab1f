/** Ours: processes that are killed with `kill -9` in the middle of a handler. */
export const KILL_CASES: ReadonlyArray<readonly [name: string, holds: string]> = [
  ["Steps.once", "steps run once, whatever is between them, and values come back as they were"],
  ["Awakeable.resolvedByHandler", "an awakeable is resolved by another handler"],
  ["KillServer.inAStep", "the server is killed while a step is under way: the step is begun again"],
  ["KillServer.asleep", "the server is killed while the handler sleeps"],
  ["KillServer.awaiting", "the server is killed while the handler waits for an awakeable"],
  ["KillServer.inACall", "the server is killed while the handler and its callee are under way"],
  ["KillServer.nothingTwice", "no result that was there before is made again"],
  ["KillHandler.inAStep", "the same with the handler's process"],
  ["KillHandler.asleep", "the same with the handler's process"],
  ["KillHandler.awaiting", "the same with the handler's process"],
  ["KillHandler.inACall", "the same with the handler's process"],
  ["KillHandler.nothingTwice", "the same with the handler's process"],
];
