/** The inputs of a target that are kept: fuzz/corpus/TARGET/. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const CORPUS_FILES_MAX = 200;
export const CORPUS_BYTES_MAX: number = 200 * 1024;

const ROOT = fileURLToPath(new URL("../../corpus/", import.meta.url));
const FINDING = "finding-";

/** Inputs that found something stay for good, also when they cover nothing new. */
export type KeptInput = { readonly file: string; readonly bytes: Uint8Array; readonly isFinding: boolean };

export function readCorpus(target: string): readonly KeptInput[] {
  const folder = join(ROOT, target);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .toSorted()
    .map((name) => {
      const file = join(folder, name);
      return { file, bytes: new Uint8Array(readFileSync(file)), isFinding: name.startsWith(FINDING) };
    });
}

/** Replaces the corpus, but for the findings in it. */
export function writeCorpus(target: string, inputs: readonly Uint8Array[]): void {
  const folder = join(ROOT, target);
  mkdirSync(folder, { recursive: true });
  for (const { file, isFinding } of readCorpus(target)) if (!isFinding) rmSync(file);
  for (const input of inputs) writeFileSync(join(folder, `${nameOf(input)}.bin`), input);
}

/** Returns the path of the file. */
export function writeFinding(target: string, input: Uint8Array): string {
  const folder = join(ROOT, target);
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${FINDING}${nameOf(input)}.bin`);
  writeFileSync(file, input);
  return file;
}

function nameOf(input: Uint8Array): string {
  return createHash("sha256").update(input).digest("hex").slice(0, 12);
}
