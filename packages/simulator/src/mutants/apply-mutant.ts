/**
 * Puts a bug into the product for the life of this process: the module that holds the place is changed as it is loaded, so
 * the sources know nothing of it. To be called before any module of the product is loaded.
 */
import { registerHooks } from "node:module";

import type { Mutant } from "./mutant.ts";

const ROOT = new URL("../../../../", import.meta.url);

export function applyMutant(mutant: Mutant): void {
  const target = new URL(mutant.file, ROOT).href;
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      if (url !== target) return loaded;
      return { ...loaded, source: mutate(textOf(loaded.source), mutant) };
    },
  });
}

function textOf(source: unknown): string {
  return typeof source === "string" ? source : Buffer.from(source as Uint8Array).toString();
}

/** Throws when the place is not there, or not the only one: a mutant that changes nothing would be found by nobody. */
export function mutate(source: string, { name, file, find, replace }: Mutant): string {
  const places = source.split(find).length - 1;
  if (places !== 1)
    throw new Error(`Mutant "${name}" belongs to one place of ${file}, and there are ${places} like it`);
  return source.replace(find, () => replace);
}
