/** What operations did to a partition, as text that is compared with a file: outcome, effects, changes of rows. */
import type { Applied } from "../partition/apply.ts";
import { describeEffect, describeOutcome } from "./describe.ts";
import { differences, type Dump, type DumpDifference } from "./dump.ts";

/** Fields that change with nearly every record and are checked elsewhere. */
const HIDDEN = new Set([
  "modifiedAt",
  "lastEntryAt",
  "journalBytes",
  "inputHash",
  "seedId",
  "createdAt",
  "settingsJson",
  "stateBytes",
  "manifest",
]);
/** What a new row holds where nothing is known yet. */
const UNSET = new Set(["undefined", "0", '""', "false"]);

export class Trace {
  readonly #lines: string[] = [];

  text(): string {
    return `${this.#lines.join("\n").trim()}\n`;
  }

  /** A remark in the author's words. */
  note(text: string): void {
    this.#lines.push("", `# ${text}`);
  }

  operation(text: string): void {
    this.#lines.push("", `> ${text}`);
  }

  applied({ outcome, effects }: Applied, before: Dump, after: Dump): void {
    this.#lines.push(`  ${describeOutcome(outcome)}`);
    for (const effect of effects) this.#lines.push(`  ! ${describeEffect(effect)}`);
    const byRow = Map.groupBy(differences(before, after), ({ row }) => row);
    for (const [row, changed] of byRow) this.#row(row, changed, before, after);
  }

  #row(row: string, changed: readonly DumpDifference[], before: Dump, after: Dump): void {
    if (row === "meta") {
      this.#meta(changed);
    } else if (!after.has(row)) {
      if (!row.startsWith("journal ")) this.#lines.push(`  - ${row}`);
    } else if (row.startsWith("journal ")) {
      this.#journal(row, changed);
    } else if (before.has(row)) {
      const shown = changed.filter(isShown).map(describeChange);
      if (shown.length > 0) this.#lines.push(`  ~ ${row}: ${shown.join(", ")}`);
    } else {
      const shown = changed.filter((each) => isShown(each) && !UNSET.has(each.after ?? ""));
      this.#lines.push(
        `  + ${row}: ${shown.map(({ field, after: now }) => `${field}=${compact(now ?? "")}`).join(" ")}`,
      );
    }
  }

  /** The clock and the counter of timers say nothing that the effects do not. */
  #meta(changed: readonly DumpDifference[]): void {
    const shown = changed.filter(({ field }) => field === "epoch").map(describeChange);
    if (shown.length > 0) this.#lines.push(`  ~ meta: ${shown.join(", ")}`);
  }

  #journal(row: string, changed: readonly DumpDifference[]): void {
    for (const { field, before, after } of changed) {
      if (field.endsWith(" origin")) continue;
      this.#lines.push(
        before === undefined ? `  + ${row}[${field}]: ${after ?? ""}` : `  - ${row}[${field}]`,
      );
    }
  }
}

function isShown({ field }: DumpDifference): boolean {
  const [first = ""] = field.split(".");
  return !HIDDEN.has(first);
}

function describeChange({ field, before, after }: DumpDifference): string {
  if (before === undefined) return `${field}=${compact(after ?? "")}`;
  if (before.startsWith("{") || after === undefined) return `${field} → ${compact(after ?? "gone")}`;
  return `${field} ${compact(before)} → ${compact(after)}`;
}

/** Leaves out what says nothing: fields of nested values that are not set, zeros that make timers sort. */
function compact(text: string): string {
  return text
    .replace(/ ?\b\w+=(?:""|0|-1|\[\]|undefined)(?=[ }])/g, "")
    .replace(/^"?0*(\d+)-0*(\d+)"?$/, "$1-$2")
    .replace(/timer="0*(\d+)-0*(\d+)"/, "timer=$1-$2");
}
