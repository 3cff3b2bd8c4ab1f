/** The programs in other languages: where they are, how they are built, and how they are run. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const FOLDER = fileURLToPath(new URL("../languages/", import.meta.url));
/** What is built lies here, out of git. */
export const BUILT: string = join(FOLDER, ".built");

export type Language = {
  readonly name: string;
  /** What it needs on the machine. */
  readonly tool: string;
  /** Commands that build it, run one after the other in `folder`. */
  readonly build: ReadonlyArray<readonly [command: string, ...args: string[]]>;
  readonly folder: string;
  /** Made by the last of them. */
  readonly product: string;
  /** Serves the program; the port follows. */
  readonly run: readonly [command: string, ...args: string[]];
  /** How the program calls a handler that is named like this elsewhere. */
  readonly handlerName: (name: string) => string;
};

const same = (name: string): string => name;
const capital = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1);

const python = join(BUILT, "python");
const pythonFolder = join(FOLDER, "python");
const goProgram = join(BUILT, "go", "program");

export const LANGUAGES: readonly Language[] = [
  {
    name: "Go",
    tool: "go",
    folder: join(FOLDER, "go"),
    build: [["go", "build", "-o", goProgram, "."]],
    product: goProgram,
    run: [goProgram],
    handlerName: capital,
  },
  {
    name: "Python",
    tool: "python3",
    folder: pythonFolder,
    build: [
      ["python3", "-m", "venv", python],
      [join(python, "bin", "pip"), "install", "--quiet", "--requirement", "requirements.txt"],
    ],
    product: join(python, "bin", "hypercorn"),
    run: [join(python, "bin", "python"), join(pythonFolder, "program.py")],
    handlerName: same,
  },
];

export function isBuilt({ product }: Language): boolean {
  return existsSync(product);
}
