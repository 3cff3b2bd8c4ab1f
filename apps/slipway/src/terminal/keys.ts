import type { ReadStream } from "node:tty";

const CONTROL_C = "\u0003";

/** Calls back for each key that somebody presses, Control-C as "q". Returns how to stop. */
export function watchKeys(input: ReadStream, onKey: (key: string) => void): () => void {
  const onData = (text: string): void => {
    for (const key of text) onKey(key === CONTROL_C ? "q" : key.toLowerCase());
  };
  input.setEncoding("utf8");
  input.setRawMode(true);
  input.on("data", onData);
  input.resume();
  return () => {
    input.off("data", onData);
    input.setRawMode(false);
    input.pause();
  };
}
