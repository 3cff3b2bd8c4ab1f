/** A wall clock that can be set while programs run. Their monotonic clock goes on as it is, as on a real machine. */
import { writeFileSync } from "node:fs";

import { faketimeLibrary } from "../tools.ts";

export class FakeClock {
  readonly #file: string;

  /** `file` is made. The clock begins right. */
  constructor(file: string) {
    this.#file = file;
    this.shift("+0");
  }

  /** `offset` from the right time, as libfaketime writes it: "+1h", "-86400". */
  shift(offset: string): void {
    writeFileSync(this.#file, offset);
  }

  /** For the environment of a program that shall live by this clock. */
  environment(): Readonly<Record<string, string>> {
    return {
      LD_PRELOAD: faketimeLibrary() ?? "",
      FAKETIME_TIMESTAMP_FILE: this.#file,
      FAKETIME_NO_CACHE: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
      DONT_FAKE_MONOTONIC: "1",
    };
  }
}
