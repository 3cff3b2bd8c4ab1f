import { superviseQueries } from "@holdfast/server";

import { defineCommand, type Command } from "../command.ts";

export const queryProcess: Command = defineCommand({
  args: [],
  options: {},
  examples: [],
  run() {
    superviseQueries();
    return new Promise<never>(() => undefined);
  },
});
