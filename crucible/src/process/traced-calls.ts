/** Lines of a trace that strace wrote with `-f -y -ttt`. */

export type TracedCall = {
  readonly thread: string;
  /** Seconds since 1970, when the call began. */
  readonly at: number;
  readonly name: string;
  /** Arguments and result as strace shows them. */
  readonly text: string;
  /** How many calls of this name the thread had made, this one included: what strace's `when` counts. */
  readonly ordinal: number;
};

/** The calls in the order in which they began. */
export function tracedCalls(trace: string): TracedCall[] {
  const counts = new Map<string, number>();
  const calls: TracedCall[] = [];
  for (const line of trace.split("\n")) {
    const found = /^(\d+) +(\d+\.\d+) (\w+)\((.*)$/.exec(line);
    if (found === null) continue;
    const [, thread = "", at = "", name = "", text = ""] = found;
    const counter = `${thread} ${name}`;
    const ordinal = (counts.get(counter) ?? 0) + 1;
    counts.set(counter, ordinal);
    calls.push({ thread, at: Number(at), name, text, ordinal });
  }
  return calls;
}
