/**
 * What an invocation has written itself. Each attempt runs its program from the start, on a replay too, and nobody else
 * writes while it holds its lock: so whatever crashed, it must read what it wrote before.
 */
export class OwnWrites {
  /** By key, in JSON; `undefined` for what it has cleared. Absent for what it has not touched. */
  readonly #values = new Map<string, string | undefined>();
  #hasClearedAll = false;

  set(key: string, value: unknown): void {
    this.#values.set(key, JSON.stringify(value));
  }

  clear(key: string): void {
    this.#values.set(key, undefined);
  }

  clearAll(): void {
    this.#values.clear();
    this.#hasClearedAll = true;
  }

  /** What a read that is issued now must give. `undefined` when that is up to those before. */
  read(key: string): { readonly json: string | undefined } | undefined {
    if (!this.#values.has(key) && !this.#hasClearedAll) return undefined;
    return { json: this.#values.get(key) };
  }

  /** What is wrong with keys that were asked for now, if anything. Asked in the moment of the read. */
  keysCheck(): (keys: readonly string[]) => string | undefined {
    const present = [...this.#values].filter(([, json]) => json !== undefined).map(([key]) => key);
    const absent = [...this.#values].filter(([, json]) => json === undefined).map(([key]) => key);
    const isComplete = this.#hasClearedAll;
    return (keys) => {
      const missing = present.filter((key) => !keys.includes(key));
      const left = keys.filter((key) => absent.includes(key) || (isComplete && !present.includes(key)));
      if (missing.length === 0 && left.length === 0) return undefined;
      return `The state has the keys [${keys.join()}]: [${missing.join()}] were set, [${left.join()}] were cleared`;
    };
  }
}
