import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { SqliteStore } from "./sqlite-store.ts";
import { storeContract } from "./store.contract.ts";

storeContract("the SQLite store", async () => {
  const dir = await mkdtemp(join(tmpdir(), "holdfast-store-"));
  return {
    open: () => SqliteStore.open({ dir }),
    dispose: () => rm(dir, { recursive: true, force: true }),
  };
});
