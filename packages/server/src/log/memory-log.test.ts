import { logContract } from "./log.contract.ts";
import { LogMemory, MemoryLog } from "./memory-log.ts";

logContract("the memory log", () => {
  const memory = new LogMemory();
  return Promise.resolve({
    open: () => MemoryLog.open({ memory }),
    crash: () => Promise.resolve(),
    fill: () => {
      memory.capacityBytes = memory.usedBytes;
    },
    free: () => {
      memory.capacityBytes = Number.POSITIVE_INFINITY;
    },
    dispose: () => Promise.resolve(),
  });
});
