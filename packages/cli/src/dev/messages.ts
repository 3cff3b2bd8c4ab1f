/** What dev and the process of the services file say to each other. */

/** An error in the services file, ready to be shown. */
export type FileError = {
  /** What went wrong: one line, or the compiler's few with the place in the code. */
  readonly message: string;
  /** Where in the user's code, innermost first. */
  readonly places: readonly string[];
  readonly hint?: string;
};

export type FromServices =
  /** A file was read. `stamp` tells this version of it from the next. */
  | { readonly kind: "imported"; readonly file: string; readonly stamp: string }
  | { readonly kind: "ready"; readonly url: string; readonly port: number }
  | { readonly kind: "failed"; readonly error: FileError };

export type ToServices = { readonly kind: "stop" };
