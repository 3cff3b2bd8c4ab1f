/** A statement can call anything by the name of a column: what the values are decides whether it is one. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { batchMessage } from "./arrow/arrow-stream.ts";
import { durationCell, type Cell } from "./cell.ts";
import { resultColumns, type ResultType } from "./result-column.ts";

const cases: ReadonlyArray<{
  readonly column: string;
  readonly cell: Cell;
  readonly type: ResultType;
}> = [
  { column: "created_at", cell: "2026-02-28T23:59:59.999Z", type: "instant" },
  { column: "created_at", cell: "9999-99-99T99:99:99.999Z", type: "text" },
  { column: "completion_retention", cell: durationCell(90_500), type: "duration" },
  { column: "completion_retention", cell: durationCell(Number.MAX_SAFE_INTEGER), type: "duration" },
  { column: "completion_retention", cell: "PT1.2.3S", type: "text" },
  { column: "completion_retention", cell: `PT${"9".repeat(400)}S`, type: "text" },
  { column: "suspended_waiting_for_completions", cell: "[1,4294967295]", type: "integers" },
  { column: "suspended_waiting_for_completions", cell: "[1.5]", type: "text" },
  { column: "suspended_waiting_for_completions", cell: "[-1]", type: "text" },
  { column: "suspended_waiting_for_completions", cell: "[4294967296]", type: "text" },
  { column: "suspended_waiting_for_completions", cell: "[1,", type: "text" },
];

describe("a column called", () => {
  for (const { column, cell, type } of cases) {
    it(`${column} that holds ${String(cell).slice(0, 40)} is of the type ${type}, and can be sent`, () => {
      const rows = [[cell], [null]];
      const columns = resultColumns([column], rows, new Set());
      assert.deepEqual(columns, [{ name: column, type }]);
      assert.ok(batchMessage(columns, rows).length > 0);
    });
  }
});
