/** As much SVG as the plots need: text, lines and boxes on a light ground, so that they can be read on a dark page as well. */

export const FONT_SIZE = 12;
const MARGIN = 16;
const FONT = "ui-sans-serif, system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif";

export const INK = "#1f2937";
export const FAINT = "#d1d5db";
export const MUTED = "#6b7280";

export interface TextStyle {
  readonly anchor?: "start" | "middle" | "end";
  readonly size?: number;
  readonly bold?: boolean;
  readonly fill?: string;
}

export function text(x: number, y: number, content: string, style: TextStyle = {}): string {
  const { anchor = "start", size = FONT_SIZE, bold = false, fill = INK } = style;
  const weight = bold ? ' font-weight="600"' : "";
  return `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}" font-size="${size}"${weight} fill="${fill}">${escape(content)}</text>`;
}

export function box(x: number, y: number, width: number, height: number, fill: string): string {
  return `<rect x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}" rx="2" fill="${fill}"/>`;
}

export function line(x1: number, y1: number, x2: number, y2: number, stroke: string): string {
  return `<line x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}" stroke="${stroke}"/>`;
}

export function polyline(points: ReadonlyArray<readonly [x: number, y: number]>, stroke: string): string {
  const list = points.map(([x, y]) => `${round(x)},${round(y)}`).join(" ");
  return `<polyline points="${list}" fill="none" stroke="${stroke}" stroke-width="2" stroke-linejoin="round"/>`;
}

/** The whole picture. `parts` are placed inside of the margin. */
export function picture(width: number, height: number, title: string, parts: readonly string[]): string {
  const [fullWidth, fullHeight] = [width + 2 * MARGIN, height + 2 * MARGIN];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${fullWidth} ${fullHeight}" width="${fullWidth}" height="${fullHeight}" role="img" font-family="${FONT}">`,
    `<title>${escape(title)}</title>`,
    `<rect width="${fullWidth}" height="${fullHeight}" rx="8" fill="#ffffff" stroke="${FAINT}"/>`,
    `<g transform="translate(${MARGIN} ${MARGIN})">`,
    ...parts,
    "</g>",
    "</svg>",
    "",
  ].join("\n");
}

/** Positions on a logarithmic axis from `min` to `max`, widened to whole powers of ten. */
export class LogScale {
  readonly #low: number;
  readonly #high: number;
  readonly #length: number;

  constructor(min: number, max: number, length: number) {
    this.#low = Math.floor(Math.log10(min));
    this.#high = Math.max(this.#low + 1, Math.ceil(Math.log10(max)));
    this.#length = length;
  }

  at(value: number): number {
    const share = (Math.log10(value) - this.#low) / (this.#high - this.#low);
    return Math.min(1, Math.max(0, share)) * this.#length;
  }

  /** The powers of ten on it. */
  ticks(): readonly number[] {
    return Array.from({ length: this.#high - this.#low + 1 }, (_, index) => 10 ** (this.#low + index));
  }
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escape(content: string): string {
  return content
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
