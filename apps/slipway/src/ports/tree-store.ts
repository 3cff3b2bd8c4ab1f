/** A directory tree under its content's name: the same files have the same digest, whoever stored them. */
export interface Tree {
  /** "sha256:" and 64 hexadecimal digits. */
  readonly digest: string;
  readonly files: number;
  /** Size of the packed tree. */
  readonly bytes: number;
}

/** Whether a file or folder is not part of the tree. The path is relative, with forward slashes. */
export type LeaveOut = (path: string) => boolean;

/**
 * Trees by content, for sources and for artifacts.
 *
 * A tree is complete or not there: `put` writes it aside, syncs it and renames it. It stays while somebody holds it, and
 * goes with its last holder, so two deployments of the same source share one tree and neither can delete the other's.
 */
export interface TreeStore {
  /** Packs `directory` and holds it for `holder`. Doing it again changes nothing. */
  put(directory: string, holder: string, leaveOut: LeaveOut): Promise<Tree>;
  /** The digest that `put` would give it, without storing it. */
  digestOf(directory: string, leaveOut: LeaveOut): Promise<string>;
  /** Writes the tree into `directory`, which must not exist. Fails when what is stored does not match its digest. */
  unpack(digest: string, directory: string): Promise<void>;
  /** Lets go of all trees `holder` holds. Doing it again changes nothing. */
  release(holder: string): Promise<void>;
}
