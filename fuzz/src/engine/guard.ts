/**
 * What must hold after every input, whatever the target: no property was added to what all objects inherit, and memory was
 * given back. Looking costs more than most inputs, so it is done for many at once, and one by one when something is wrong.
 */
import { Finding } from "./target.ts";

const SHARED: ReadonlyArray<readonly [name: string, object]> = [
  ["Object.prototype", Object.prototype],
  ["Array.prototype", Array.prototype],
  ["Function.prototype", Function.prototype],
  ["String.prototype", String.prototype],
  ["Uint8Array.prototype", Uint8Array.prototype],
  ["Map.prototype", Map.prototype],
  ["Error.prototype", Error.prototype],
  ["globalThis", globalThis],
];

/** More than any input of ours could need, by far: a length was believed before it was checked. */
export const ALLOCATED_BYTES_MAX: number = 128 * 1024 * 1024;

export class Guard {
  readonly #known = SHARED.map(([, object]) => new Set(Reflect.ownKeys(object)));

  /** Throws a finding. What was added is taken away again. */
  check(): void {
    for (const [index, [name, object]] of SHARED.entries()) {
      const added = Reflect.ownKeys(object).filter((key) => this.#known[index]?.has(key) === false);
      for (const key of added) Reflect.deleteProperty(object, key);
      if (added.length > 0)
        throw new Finding(`${name} was given the property ${added.map(String).join(", ")}`);
    }
  }

  /** Bytes in array buffers, whether or not they are still in use. */
  allocated(): number {
    return process.memoryUsage().arrayBuffers;
  }
}
