/** A directory that is gone afterwards, whatever way the process ends. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const present = new Set<string>();
process.once("exit", () => {
  for (const path of present) rmSync(path, { recursive: true, force: true });
});

export class TemporaryDirectory implements Disposable {
  readonly path: string;

  constructor() {
    this.path = mkdtempSync(join(tmpdir(), "holdfast-crucible-"));
    present.add(this.path);
  }

  /** A new, empty directory in it. */
  make(name: string): string {
    const path = join(this.path, name);
    mkdirSync(path);
    return path;
  }

  file(name: string): string {
    return join(this.path, name);
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
    present.delete(this.path);
  }
}
