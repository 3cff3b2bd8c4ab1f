/** What the process ends with. Scripts may rely on these; docs/cli.md lists them. */
export const ExitCode = {
  ok: 0,
  /** It was tried and did not succeed, or a handler ended with a failure. */
  failed: 1,
  /** The command line was not understood. Nothing was done. */
  usage: 2,
  notFound: 3,
  /** What is there does not permit it: it exists already, has changed, has completed, or several match. */
  conflict: 4,
  unreachable: 5,
  /** serve, dev: an address cannot be listened on. */
  addressUnavailable: 10,
  /** serve, dev, doctor: another process has the data directory. */
  directoryLocked: 11,
  /** serve, dev, doctor: what is on disk is not what was written. */
  dataDamaged: 12,
  /** serve, dev, doctor: the data is of a format that this version does not know. */
  dataUnsupported: 13,
  /** serve, dev: the engine cannot go on. Start it again: it recovers from what is durable. */
  engineFailed: 70,
} as const;

export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];
