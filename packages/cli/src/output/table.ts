import { plain, type Paint, type Style } from "./paint.ts";
import { shortened, shownLine, widthOf } from "./shown-text.ts";

export type Column = {
  readonly title: string;
  readonly align?: "right";
  /** Gives way when the terminal is too narrow. */
  readonly shrinks?: boolean;
};

export type Cell = string | { readonly text: string; readonly style: Style };

export type TableLook = {
  readonly paint?: Paint;
  /** Columns of the terminal; undefined where lines may have any length. */
  readonly width?: number | undefined;
};

const GAP = "  ";
const SHRUNK_MIN = 12;

/** Lines of an aligned table: a title, then the rows. Nothing behind the last column. */
export function formatTable(
  columns: readonly Column[],
  rows: ReadonlyArray<readonly Cell[]>,
  look: TableLook = {},
): string[] {
  const paint = look.paint ?? plain;
  const cells = rows.map((row) => columns.map((_, index) => cleaned(row[index] ?? "")));
  const widths = columns.map(({ title }, index) =>
    Math.max(widthOf(title), ...cells.map((row) => widthOf(textOf(row[index] ?? "")))),
  );
  if (look.width !== undefined) shrink(columns, widths, look.width);
  const titles = columns.map(({ title }): Cell => ({ text: title, style: "dim" }));
  return [titles, ...cells].map((row) => {
    const padded = columns.map((column, index) => {
      const width = widths[index] ?? 0;
      return padCell(row[index] ?? "", { column, width, paint });
    });
    return padded.join(GAP).trimEnd();
  });
}

/** Lines "Name   value", names aligned. A value's further lines stand below its first. */
export function formatFields(
  fields: ReadonlyArray<readonly [name: string, value: Cell | undefined]>,
  look: TableLook = {},
): string[] {
  const paint = look.paint ?? plain;
  const shown = fields.filter((field): field is readonly [string, Cell] => field[1] !== undefined);
  const width = Math.max(0, ...shown.map(([name]) => widthOf(name)));
  return shown.flatMap(([name, value]) => {
    const [first = "", ...rest] = textOf(value).split("\n").map(shownLine);
    const lines = [first, ...rest].map((line) =>
      typeof value === "string" ? line : paint(value.style, line),
    );
    const margin = " ".repeat(width + GAP.length);
    return lines.map((line, index) =>
      index === 0 ? `${paint("dim", name)}${margin.slice(widthOf(name))}${line}` : `${margin}${line}`,
    );
  });
}

/** From the right: what comes last says least. */
function shrink(columns: readonly Column[], widths: number[], total: number): void {
  const used = widths.reduce((sum, width) => sum + width, GAP.length * (columns.length - 1));
  let excess = used - total;
  for (const [index, { shrinks }] of [...columns.entries()].toReversed()) {
    if (shrinks !== true || excess <= 0) continue;
    const width = widths[index] ?? 0;
    const next = Math.max(Math.min(width, SHRUNK_MIN), width - excess);
    widths[index] = next;
    excess -= width - next;
  }
}

function padCell(
  cell: Cell,
  place: { readonly column: Column; readonly width: number; readonly paint: Paint },
): string {
  const text = place.column.shrinks === true ? shortened(textOf(cell), place.width) : textOf(cell);
  const padding = " ".repeat(Math.max(0, place.width - widthOf(text)));
  const painted = typeof cell === "string" ? text : place.paint(cell.style, text);
  return place.column.align === "right" ? padding + painted : painted + padding;
}

function cleaned(cell: Cell): Cell {
  return typeof cell === "string" ? shownLine(cell) : { ...cell, text: shownLine(cell.text) };
}

function textOf(cell: Cell): string {
  return typeof cell === "string" ? cell : cell.text;
}
