import { inspectDataDirectory, type DataDirectoryReport } from "@holdfast/server";

import { CliError } from "../cli-error.ts";
import { defineCommand, type Command } from "../command.ts";
import { ExitCode } from "../exit-code.ts";
import { shownBytes } from "../output/bytes.ts";
import type { Output } from "../output/output.ts";
import { shownLine } from "../output/shown-text.ts";
import { startFailure } from "../server/start-failure.ts";

const PROBLEMS_SHOWN = 20;

export const doctor: Command = defineCommand({
  description:
    "Reads everything and writes nothing: the checkpoint, the log behind it, and the tables that the two give. Exit code 0 only " +
    "when every invocation is accounted for; 12 when something is damaged or missing; 11 while a process has the directory, since " +
    "files that are being written prove nothing.",
  args: [{ name: "directory", help: "the data directory" }],
  options: {},
  examples: [
    { line: "holdfast doctor ./data", help: "is anything lost?" },
    { line: "holdfast doctor /backup/holdfast --json && echo fine", help: "check a backup in a script" },
  ],
  async run({ args, out }) {
    const directory = args[0] ?? "";
    const report = await inspectDataDirectory(directory).catch((error: unknown) => {
      throw noReport(error);
    });
    const exitCode = verdict(report);
    out.result({ ...report, healthy: exitCode === ExitCode.ok }, () => show(report, out));
    return exitCode;
  },
});

function verdict({ inUseBy, problems }: DataDirectoryReport): ExitCode {
  if (inUseBy !== undefined) return ExitCode.directoryLocked;
  return problems.length > 0 ? ExitCode.dataDamaged : ExitCode.ok;
}

function noReport(error: unknown): unknown {
  const failure = startFailure(error);
  if (failure !== error || !(error instanceof Error) || "syscall" in error) return failure;
  return new CliError("data-directory-not-found", error.message, {
    exitCode: ExitCode.notFound,
    hint: "Give the directory that --data named: the one that holds log and checkpoint.db.",
    cause: error,
  });
}

function show(report: DataDirectoryReport, out: Output): void {
  const { directory, store, log, tables, inUseBy, problems } = report;
  out.print(`${out.paint("bold", "Data directory")} ${shownLine(directory)}`);
  out.print();
  out.fields([
    ["Checkpoint", checkpointText(store)],
    ["Log", logText(log)],
    ["Unfinished write", tornText(log)],
    ["Invocations", tables === undefined ? "unknown: they could not be read" : countsText(tables)],
    ["Journal entries", tables === undefined ? undefined : String(tables.journalEntries)],
    ["Objects", tables === undefined ? undefined : String(tables.objects)],
    ["Timers", tables === undefined ? undefined : String(tables.timers)],
  ]);
  out.print();
  if (inUseBy !== undefined) {
    out.print(out.paint("yellow", `In use by ${inUseBy}.`));
    out.print(
      "What was read is some recent state of files that are being written: this proves nothing, and a",
    );
    out.print("problem below may be none. Stop that process and run this again, or check a copy.");
  }
  if (problems.length > 0) showProblems(problems, inUseBy !== undefined, out);
  else if (inUseBy === undefined) {
    out.print(out.paint("green", "Nothing is lost: every invocation is accounted for."));
  }
}

function showProblems(problems: readonly string[], isInUse: boolean, out: Output): void {
  const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
  out.print(out.paint("red", `${count}:`));
  for (const [index, problem] of problems.slice(0, PROBLEMS_SHOWN).entries()) {
    out.print(`  ${index + 1}. ${shownLine(problem)}`);
  }
  if (problems.length > PROBLEMS_SHOWN)
    out.print(`  … and ${problems.length - PROBLEMS_SHOWN} more: --json lists them all`);
  if (isInUse) return;
  out.print();
  out.print("What to do:");
  out.print("  1. Copy the directory before anything else; nothing was changed by this check.");
  out.print("  2. If the disk has reported errors, move to another one.");
  out.print(
    "  3. Restore the newest backup that passes holdfast doctor. serve refuses a damaged log and changes nothing.",
  );
}

function checkpointText({ exists, appliedPosition, damage }: DataDirectoryReport["store"]): string {
  if (!exists) return "none yet: the log holds everything";
  return damage.length > 0 ? "damaged" : `whole, reflects the log up to position ${appliedPosition}`;
}

function logText(log: DataDirectoryReport["log"]): string {
  if (log === undefined) return "cannot be read";
  const { segments, firstPosition, lastPosition, epoch, corruption } = log;
  const size = segments.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0);
  const files = `${segments.length} ${segments.length === 1 ? "segment" : "segments"}, ${shownBytes(size)}`;
  if (corruption !== undefined) {
    return `damaged in ${corruption.file} at byte ${corruption.offset}; can be read up to position ${lastPosition} (${files})`;
  }
  if (lastPosition < firstPosition) return `whole and empty (${files})`;
  return `whole, positions ${firstPosition} to ${lastPosition}, started ${epoch} times (${files})`;
}

function tornText(log: DataDirectoryReport["log"]): string | undefined {
  if (log?.tornTail === undefined) return undefined;
  const { file, offset } = log.tornTail;
  return `in ${file} from byte ${offset}, left by a crash; nothing acknowledged is in it, the next start removes it`;
}

function countsText({ invocations, byStatus }: NonNullable<DataDirectoryReport["tables"]>): string {
  const parts = Object.entries(byStatus).map(([status, count]) => `${count} ${status}`);
  return parts.length === 0 ? String(invocations) : `${invocations}: ${parts.join(", ")}`;
}
