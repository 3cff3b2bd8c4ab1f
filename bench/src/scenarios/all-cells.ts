/** Every line of the table, in the order in which it is measured. */
import type { Cell } from "./cell.ts";
import { loadCells } from "./load-cells.ts";
import { sendCells } from "./sends.ts";

export const allCells: readonly Cell[] = [...loadCells, ...sendCells];
