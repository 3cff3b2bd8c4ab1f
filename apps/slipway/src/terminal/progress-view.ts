/**
 * The steps of deployments on a terminal: a line for each when it has ended, and below them, on a real terminal, a line
 * with a running clock for each that is under way.
 */
import type { StepNews } from "../steps/ledger-recorder.ts";
import type { Style } from "./style.ts";

const REDRAW_MS = 100;
const NAME_WIDTH = 30;
const TIME_WIDTH = 8;
const FRAMES = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

export interface Screen {
  readonly isTerminal: boolean;
  readonly columns: number;
  write(text: string): void;
}

export interface ProgressViewOptions {
  readonly screen: Screen;
  readonly style: Style;
  readonly now: () => number;
}

interface ActiveStep {
  readonly deployment: string;
  readonly name: string;
  readonly since: number;
}

export class ProgressView {
  readonly #options: ProgressViewOptions;
  readonly #active = new Map<string, ActiveStep>();
  /** Lines of the block at the bottom, to be drawn over. */
  #drawn = 0;
  #frame = 0;
  #timer: NodeJS.Timeout | undefined = undefined;
  /** News kept back, see `release`. */
  #held: (() => void)[] | undefined = [];

  constructor(options: ProgressViewOptions) {
    this.#options = options;
  }

  /** Text above the block, which stays. */
  print(text: string): void {
    this.#erase();
    this.#options.screen.write(`${text}\n`);
    this.#draw();
  }

  /**
   * Shows steps from here on, and those until now. A deployment that was interrupted goes on before anybody has said which
   * one that is.
   */
  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const show of held) show();
  }

  /** A line that an application's build printed. */
  printOutput(line: string): void {
    if (this.#held !== undefined) {
      this.#held.push(() => this.printOutput(line));
      return;
    }
    const { dim } = this.#options.style;
    this.print(`      ${dim("│")} ${dim(line)}`);
  }

  step(news: StepNews): void {
    if (this.#held !== undefined) {
      this.#held.push(() => this.step(news));
      return;
    }
    const { deployment, step: name, key, event, at, note } = news;
    const id = `${deployment} ${key}`;
    if (event === "begin") {
      this.#active.set(id, { deployment, name, since: at });
      this.#erase();
      this.#draw();
      return;
    }
    const since = this.#active.get(id)?.since;
    const severalAtOnce =
      new Set([...this.#active.values(), { deployment }].map((each) => each.deployment)).size > 1;
    this.#active.delete(id);
    const { green, red, dim } = this.#options.style;
    const mark = event === "failed" ? red("✗") : green("✓");
    const time = since === undefined ? "" : formatElapsed(at - since);
    const remark = event === "recalled" ? `${note ?? ""} (finished before the restart)` : (note ?? "");
    const whose = severalAtOnce ? ` ${dim(`[${deployment}]`)}` : "";
    this.print(
      `  ${mark} ${name.padEnd(NAME_WIDTH)}${time.padStart(TIME_WIDTH)}   ${dim(remark)}${whose}`.trimEnd(),
    );
  }

  /** What an earlier run of the program had done already. */
  printFinished(name: string, note: string | undefined): void {
    const { green, dim } = this.#options.style;
    this.print(
      `  ${green("✓")} ${name.padEnd(NAME_WIDTH)}${"".padStart(TIME_WIDTH)}   ${dim(`${note ?? ""} (before the restart)`)}`,
    );
  }

  /** Draws nothing any more. */
  close(): void {
    this.#erase();
    this.#active.clear();
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #draw(): void {
    const { screen, now, style } = this.#options;
    if (!screen.isTerminal) return;
    if (this.#active.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
      return;
    }
    this.#timer ??= setInterval(() => {
      this.#frame = (this.#frame + 1) % FRAMES.length;
      this.#erase();
      this.#draw();
    }, REDRAW_MS).unref();
    for (const { name, since } of this.#active.values()) {
      const line = `  ${FRAMES[this.#frame]} ${name.padEnd(NAME_WIDTH)}${formatElapsed(now() - since).padStart(TIME_WIDTH)}`;
      screen.write(`${style.cyan(line.slice(0, screen.columns))}\n`);
      this.#drawn += 1;
    }
  }

  #erase(): void {
    if (this.#drawn > 0) this.#options.screen.write(`\u001B[${this.#drawn}A\u001B[J`);
    this.#drawn = 0;
  }
}

/** "0.42 s", "12.3 s", "3 min 5 s". */
export function formatElapsed(ms: number): string {
  const seconds = Math.max(0, ms) / 1_000;
  if (seconds < 10) return `${seconds.toFixed(2)} s`;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
}
