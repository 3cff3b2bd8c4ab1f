/** The programs in other languages: where they are, how they are built, and how they are run. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

const FOLDER = fileURLToPath(new URL("../languages/", import.meta.url));
/** What is built lies here, out of git. */
export const BUILT: string = join(FOLDER, ".built");

export type Language = {
  readonly name: string;
  /** The SDK and its version, as whoever installs it names it. */
  readonly sdk: string;
  /** What it needs on the machine, in words. Whether that is there is found out by the first command of `build`. */
  readonly tool: string;
  /** Commands that build it, run one after the other in `folder`. */
  readonly build: ReadonlyArray<readonly [command: string, ...args: string[]]>;
  readonly folder: string;
  /** Made by the last of them. */
  readonly product: string;
  /** Serves the program; the port and the folder of its ledger and gates follow. */
  readonly run: readonly [command: string, ...args: string[]];
  /** How the program calls a handler that is named like this elsewhere. */
  readonly handlerName: (name: string) => string;
};

const same = (name: string): string => name;
const capital = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1);

const javaFolder = join(BUILT, "java");
const rustFolder = join(BUILT, "rust");
const rustProgram = join(rustFolder, "debug", "program");
const typescriptProgram = fileURLToPath(new URL("sample-program.contract.ts", import.meta.url));

const python = join(BUILT, "python");
const pythonFolder = join(FOLDER, "python");
const goProgram = join(BUILT, "go", "program");

export const LANGUAGES: readonly Language[] = [
  {
    name: "TypeScript",
    sdk: "@restatedev/restate-sdk 1.17.2",
    tool: "Node",
    folder: FOLDER,
    build: [],
    product: typescriptProgram,
    run: [process.execPath, typescriptProgram],
    handlerName: same,
  },
  {
    name: "Go",
    sdk: "github.com/restatedev/sdk-go 1.2.0",
    tool: "Go 1.25 or newer",
    folder: join(FOLDER, "go"),
    build: [["go", "build", "-o", goProgram, "."]],
    product: goProgram,
    run: [goProgram],
    handlerName: capital,
  },
  {
    name: "Python",
    sdk: "restate-sdk 1.3.0",
    tool: "Python 3.11 or newer with venv",
    folder: pythonFolder,
    build: [
      ["python3", "-m", "venv", python],
      [join(python, "bin", "pip"), "install", "--quiet", "--requirement", "requirements.txt"],
    ],
    product: join(python, "bin", "hypercorn"),
    run: [join(python, "bin", "python"), join(pythonFolder, "program.py")],
    handlerName: same,
  },
  {
    name: "Java",
    sdk: "dev.restate:sdk-api 2.4.1",
    tool: "Maven and a JDK of 17 or newer",
    folder: join(FOLDER, "java"),
    build: [["mvn", "--batch-mode", "--quiet", "package"]],
    product: join(javaFolder, "program.jar"),
    run: [
      "java",
      "-cp",
      join(javaFolder, "program.jar") + delimiter + join(javaFolder, "lib", "*"),
      "interop.Program",
    ],
    handlerName: same,
  },
  {
    name: "Rust",
    sdk: "restate-sdk 0.13.0",
    tool: "Cargo 1.90 or newer",
    folder: join(FOLDER, "rust"),
    build: [["cargo", "build", "--locked", "--quiet", "--target-dir", rustFolder]],
    product: rustProgram,
    run: [rustProgram],
    handlerName: same,
  },
];

export function languageNamed(name: string): Language {
  const language = LANGUAGES.find((one) => one.name === name);
  if (language === undefined) throw new Error(`There is no program in ${name}.`);
  return language;
}

/** Whether the product is that of the sources as they are now. */
export function isBuilt(language: Language): boolean {
  if (language.build.length === 0) return true;
  const stamp = stampOf(language);
  return (
    existsSync(language.product) && existsSync(stamp) && readFileSync(stamp, "utf8") === hashOf(language)
  );
}

/** To be called when the product was made. */
export function markBuilt(language: Language): void {
  mkdirSync(BUILT, { recursive: true });
  writeFileSync(stampOf(language), hashOf(language));
}

function stampOf({ name }: Language): string {
  return join(BUILT, `${name}.sources`);
}

function hashOf({ folder }: Language): string {
  const hash = createHash("sha256");
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  for (const path of files.map((file) => join(file.parentPath, file.name)).toSorted()) {
    hash.update(`${path}\0`).update(readFileSync(path));
  }
  return hash.digest("hex");
}
