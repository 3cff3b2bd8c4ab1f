/** Why a data directory cannot be used, or an address not be listened on: one message, what to do, and an exit code. */
import {
  DirectoryLockedError,
  LogCorruptError,
  LogVersionError,
  StoreCorruptError,
  StoreFormatError,
} from "@holdfast/server";

import { CliError } from "../cli-error.ts";
import { ExitCode } from "../exit-code.ts";

const DOCTOR_HINT =
  "Nothing was changed. holdfast doctor DIR shows what is wrong; keep a copy of the directory before you do anything else.";
const SQLITE_IO_ERROR = 10;
const SQLITE_CORRUPT = 11;
const SQLITE_NOT_A_DATABASE = 26;

/** The error itself where it is none of these. */
export function startFailure(cause: unknown): unknown {
  if (!(cause instanceof Error)) return cause;
  if (cause instanceof DirectoryLockedError) return locked(cause);
  if (isDamage(cause)) {
    return new CliError("data-damaged", `The data directory is damaged: ${cause.message}`, {
      exitCode: ExitCode.dataDamaged,
      hint: DOCTOR_HINT,
      cause,
    });
  }
  if (cause instanceof LogVersionError || cause instanceof StoreFormatError) {
    return new CliError("data-unsupported", cause.message, {
      exitCode: ExitCode.dataUnsupported,
      hint: "Nothing was changed. Use the version of Holdfast that wrote it, or a newer one.",
      cause,
    });
  }
  if (sqliteCode(cause) === SQLITE_IO_ERROR || (cause as NodeJS.ErrnoException).code === "EIO") {
    return new CliError("disk-failed", `The disk with the data directory does not work: ${cause.message}`, {
      exitCode: ExitCode.engineFailed,
      hint: "Look into the system's log (dmesg). Move the directory to a disk that works, and start again: what was acknowledged is recovered from there.",
      cause,
    });
  }
  return systemFailure(cause);
}

/** Of an engine that was running. Starting it again helps unless its data is damaged. */
export function exitCodeOfFailure(reason: Error): ExitCode {
  return isDamage(reason) ? ExitCode.dataDamaged : ExitCode.engineFailed;
}

/** What is on disk is not what was written. */
function isDamage(cause: Error): boolean {
  return cause instanceof LogCorruptError || cause instanceof StoreCorruptError || isDamagedDatabase(cause);
}

function locked({ message, pid }: DirectoryLockedError): CliError {
  return new CliError("directory-locked", message, {
    exitCode: ExitCode.directoryLocked,
    hint: "One process at a time: stop that one, or choose another directory with --data.",
    ...(pid === undefined ? {} : { details: { pid } }),
  });
}

function systemFailure(cause: Error): unknown {
  const { code, syscall, address, port } = cause as NodeJS.ErrnoException & {
    readonly address?: string;
    readonly port?: number;
  };
  const where = `${address ?? ""}:${port ?? ""}`;
  if (code === "EADDRINUSE") {
    return new CliError("address-in-use", `Another program listens on ${where} already`, {
      exitCode: ExitCode.addressUnavailable,
      hint: "Stop it, or choose other ports: --ingress-port and --admin-port; 0 takes any free one.",
      cause,
    });
  }
  if (syscall === "listen" || syscall === "bind") {
    return new CliError("address-unavailable", `It is not possible to listen on ${where}: ${code}`, {
      exitCode: ExitCode.addressUnavailable,
      hint: "Use an address of this machine, and a port from 1024 unless you run as root.",
      cause,
    });
  }
  return cause;
}

/** Also where the store says only that the file is none of its own: it was one. */
function isDamagedDatabase(cause: Error): boolean {
  if (cause instanceof StoreFormatError)
    return cause.cause instanceof Error && isDamagedDatabase(cause.cause);
  const code = sqliteCode(cause);
  return code === SQLITE_CORRUPT || code === SQLITE_NOT_A_DATABASE;
}

/** SQLite's code without its extension; 0 for errors that are not SQLite's. */
function sqliteCode(cause: Error): number {
  return "errcode" in cause && typeof cause.errcode === "number" ? cause.errcode & 0xff : 0;
}
