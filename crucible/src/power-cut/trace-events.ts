/** What a traced server did to its files, and when it told somebody of it: the part of a trace that a power cut is about. */

export type TraceEvent =
  | { readonly kind: "make-directory"; readonly path: string }
  | { readonly kind: "create"; readonly path: string; readonly file: number }
  | { readonly kind: "write"; readonly file: number; readonly offset: number; readonly bytes: Uint8Array }
  | { readonly kind: "truncate"; readonly file: number; readonly size: number }
  /** `begun`: index of the event before which everything must have happened that it covers. */
  | { readonly kind: "sync"; readonly file: number; readonly begun: number }
  | { readonly kind: "sync-directory"; readonly path: string; readonly begun: number }
  | { readonly kind: "rename"; readonly from: string; readonly to: string }
  | { readonly kind: "unlink"; readonly path: string }
  /** The process began to send the answer that acknowledges this invocation, or its outcome. */
  | { readonly kind: "told"; readonly invocation: string; readonly outcome: string | undefined };

/** What has to be traced for this. */
export const TRACED_SYSCALLS: readonly string[] = [
  "openat",
  "close",
  "pwrite64",
  "write",
  "writev",
  "lseek",
  "ftruncate",
  "fdatasync",
  "fsync",
  "rename",
  "renameat2",
  "unlink",
  "unlinkat",
  "mkdir",
  "mkdirat",
];

/** SQLite maps it into memory, so it is not in the trace; whoever opens the database first makes it anew. */
const UNTRACED_FILE = /-shm$/;

type Call = { readonly name: string; readonly text: string; readonly result: number; readonly begun: number };

/** What a file descriptor stands for. */
type Open =
  | { readonly kind: "file"; readonly file: number; readonly append: boolean; offset: number }
  | { readonly kind: "directory"; readonly path: string };

/** Reads the traces of processes that ran one after the other, all below `root`. */
export class TraceReader {
  readonly events: TraceEvent[] = [];
  readonly #root: string;
  readonly #files = new Map<string, number>();
  readonly #sizes = new Map<number, number>();
  #descriptors = new Map<number, Open>();
  #unfinished = new Map<string, { readonly text: string; readonly begun: number }>();

  constructor(root: string) {
    this.#root = root;
  }

  /** One process, from its start to its end. */
  read(trace: string): void {
    this.#descriptors = new Map();
    this.#unfinished = new Map();
    for (const line of trace.split("\n")) this.#readLine(line);
  }

  #readLine(line: string): void {
    const found = /^(\d+) +(.*)$/.exec(line);
    if (found === null) return;
    const [, thread = "", rest = ""] = found;
    if (rest.endsWith("<unfinished ...>")) {
      const text = rest.slice(0, -"<unfinished ...>".length);
      this.#told(text);
      this.#unfinished.set(thread, { text, begun: this.events.length });
      return;
    }
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest);
    if (resumed === null) {
      this.#told(rest);
      this.#take(callIn(rest, this.events.length));
      return;
    }
    const before = this.#unfinished.get(thread);
    this.#unfinished.delete(thread);
    if (before !== undefined) this.#take(callIn(before.text + (resumed[1] ?? ""), before.begun));
  }

  /** An answer counts from the moment its sending begins: by then the server had decided to give it. */
  #told(text: string): void {
    const call = /^writev?\((\d+), (.*)/.exec(text);
    if (call === null || this.#descriptors.has(Number(call[1]))) return;
    const sent = Buffer.concat(stringsIn(call[2] ?? "")).toString("latin1");
    for (const answer of sent.split(/(?=HTTP\/1\.1 )/)) {
      const invocation = /\r\nx-restate-id: (inv_\w+)/i.exec(answer)?.[1];
      if (invocation === undefined) continue;
      const body = answer.slice(answer.indexOf("\r\n\r\n") + 4);
      if (answer.startsWith("HTTP/1.1 202"))
        this.events.push({ kind: "told", invocation, outcome: undefined });
      if (answer.startsWith("HTTP/1.1 200")) this.events.push({ kind: "told", invocation, outcome: body });
    }
  }

  #take(call: Call | undefined): void {
    if (call === undefined || call.result < 0) return;
    switch (call.name) {
      case "openat":
        this.#open(call);
        return;
      case "close":
        this.#descriptors.delete(numberAt(call.text, 0));
        return;
      case "mkdir":
      case "mkdirat":
        this.#withPath(call, (path) => this.events.push({ kind: "make-directory", path }));
        return;
      case "rename":
      case "renameat2":
        this.#rename(call);
        return;
      case "unlink":
      case "unlinkat":
        this.#withPath(call, (path) => {
          this.#files.delete(path);
          this.events.push({ kind: "unlink", path });
        });
        return;
      default:
        this.#onDescriptor(call);
    }
  }

  #open(call: Call): void {
    this.#descriptors.delete(call.result);
    this.#withPath(call, (path) => {
      if (call.text.includes("O_DIRECTORY") || (!this.#files.has(path) && !call.text.includes("O_CREAT"))) {
        this.#descriptors.set(call.result, { kind: "directory", path });
        return;
      }
      const file = this.#files.get(path) ?? this.#create(path);
      if (call.text.includes("O_TRUNC")) this.#truncate(file, 0);
      const append = call.text.includes("O_APPEND");
      this.#descriptors.set(call.result, { kind: "file", file, append, offset: 0 });
    });
  }

  #create(path: string): number {
    const file = this.#sizes.size;
    this.#files.set(path, file);
    this.#sizes.set(file, 0);
    this.events.push({ kind: "create", path, file });
    return file;
  }

  #rename(call: Call): void {
    const [from, to] = stringsIn(call.text).map(String);
    if (from === undefined || to === undefined || !to.startsWith(this.#root)) return;
    const file = this.#files.get(from);
    this.#files.delete(from);
    if (file !== undefined) this.#files.set(to, file);
    this.events.push({ kind: "rename", from, to });
  }

  #onDescriptor({ name, text, result, begun }: Call): void {
    const open = this.#descriptors.get(numberAt(text, 0));
    if (open === undefined) return;
    if (open.kind === "directory") {
      if (name === "fsync") this.events.push({ kind: "sync-directory", path: open.path, begun });
      return;
    }
    switch (name) {
      case "fsync":
      case "fdatasync":
        this.events.push({ kind: "sync", file: open.file, begun });
        return;
      case "ftruncate":
        this.#truncate(open.file, numberAt(text, 1));
        return;
      case "lseek":
        open.offset = result;
        return;
      case "pwrite64":
        this.#write(open.file, Number(/, (\d+) *\)$/.exec(argumentsOf(text))?.[1]), text, result);
        return;
      case "write":
      case "writev": {
        const offset = open.append ? (this.#sizes.get(open.file) ?? 0) : open.offset;
        open.offset = offset + result;
        this.#write(open.file, offset, text, result);
      }
    }
  }

  #write(file: number, offset: number, text: string, length: number): void {
    const bytes = Uint8Array.from(Buffer.concat(stringsIn(text)).subarray(0, length));
    if (bytes.length !== length || Number.isNaN(offset))
      throw new Error(`cannot read the traced call ${text.slice(0, 200)}`);
    this.#sizes.set(file, Math.max(this.#sizes.get(file) ?? 0, offset + length));
    this.events.push({ kind: "write", file, offset, bytes });
  }

  #truncate(file: number, size: number): void {
    this.#sizes.set(file, size);
    this.events.push({ kind: "truncate", file, size });
  }

  #withPath({ text }: Call, act: (path: string) => void): void {
    const path = stringsIn(text)[0]?.toString();
    if (path?.startsWith(this.#root) === true && !UNTRACED_FILE.test(path)) act(path);
  }
}

function callIn(text: string, begun: number): Call | undefined {
  const found = /^(\w+)\(/.exec(text);
  const result = /\) += (-?\d+)[^)]*$/.exec(text);
  if (found === null || result === null) return undefined;
  return { name: found[1] ?? "", text, result: Number(result[1]), begun };
}

/** Without the result. */
function argumentsOf(text: string): string {
  return text.slice(0, text.lastIndexOf(") ") + 1);
}

function numberAt(text: string, index: number): number {
  const inside = text.slice(text.indexOf("(") + 1);
  return Number.parseInt(inside.split(", ")[index] ?? "", 10);
}

/** The string arguments, which strace was told to write in hexadecimal. */
function stringsIn(text: string): Buffer[] {
  return [...text.matchAll(/"((?:\\x[0-9a-f]{2})*)"/g)].map(([, hex = ""]) =>
    Buffer.from(hex.replaceAll("\\x", ""), "hex"),
  );
}
