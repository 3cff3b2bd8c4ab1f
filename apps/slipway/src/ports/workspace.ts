/** The files of a deployment that people read: its logs and its ledger. */
export interface Workspace {
  /** Deletes them. Doing it again changes nothing. */
  remove(deployment: string): Promise<void>;
}
