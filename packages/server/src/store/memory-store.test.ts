import { MemoryStore, StoreMemory } from "./memory-store.ts";
import { storeContract } from "./store.contract.ts";

storeContract("the memory store", () => {
  const memory = new StoreMemory();
  // Long enough to be seen in flight.
  const defer = (run: () => void): void => {
    setImmediate(() => setImmediate(run));
  };
  return Promise.resolve({
    open: () => MemoryStore.open({ memory, defer }),
    dispose: () => Promise.resolve(),
  });
});
