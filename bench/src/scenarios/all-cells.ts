/** Every line of the table, in the order in which it is measured. */
import type { Cell } from "./cell.ts";
import { embeddedCells } from "./embedded.ts";
import { idleCells } from "./idle.ts";
import { loadCells } from "./load-cells.ts";
import { longJournalCells } from "./long-journal.ts";
import { openLoopCells } from "./open-loop-cells.ts";
import { sendCells } from "./sends.ts";
import { sleeperCells } from "./sleepers.ts";
import { stepCpuCells } from "./step-cpu.ts";

export const allCells: readonly Cell[] = [
  ...loadCells,
  ...sendCells,
  ...stepCpuCells,
  ...openLoopCells,
  ...longJournalCells,
  ...sleeperCells,
  ...idleCells,
  ...embeddedCells,
];
