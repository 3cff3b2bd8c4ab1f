/** A PostgreSQL of the benchmark's own, with the settings it comes with: what it acknowledges is on disk. */
import { spawnSync } from "node:child_process";
import { accessSync, chownSync, constants, mkdirSync, readdirSync } from "node:fs";
import { delimiter, join } from "node:path";

import { Child } from "../process/child.ts";
import { freePort } from "../process/free-port.ts";
import { until } from "../process/until.ts";

const DEBIAN = "/usr/lib/postgresql";
const READY_MS_MAX = 30_000;
/** Whoever of these there is, when the benchmark itself runs as root: PostgreSQL refuses to. */
const UNPRIVILEGED = ["postgres", "nobody"];

export interface Postgres {
  /** With the user, without a database. */
  readonly url: string;
  readonly child: Child;
}

/** The folder of `initdb` and `postgres`: on PATH, or the newest where Debian puts them. */
export function findPostgres(): string | undefined {
  const onPath = (process.env["PATH"] ?? "").split(delimiter);
  return [...onPath, ...debianFolders()].find(
    (folder) => isProgram(join(folder, "initdb")) && isProgram(join(folder, "postgres")),
  );
}

export async function startPostgres(binaries: string, directory: string): Promise<Postgres> {
  const user = unprivilegedUser();
  const data = join(directory, "data");
  mkdirSync(data, { recursive: true });
  if (user !== undefined) chownSync(data, user.uid, user.gid);
  const initdb = spawnSync(
    join(binaries, "initdb"),
    ["--pgdata", data, "--username", "bench", "--auth", "trust", "--encoding", "UTF8", "--no-locale"],
    { cwd: data, encoding: "utf8", ...user },
  );
  if (initdb.status !== 0) throw new Error(`initdb failed: ${initdb.stderr}`);

  const port = await freePort();
  const child = new Child({
    command: join(binaries, "postgres"),
    args: [
      "-D",
      data,
      "-p",
      String(port),
      "-c",
      "listen_addresses=127.0.0.1",
      "-c",
      "unix_socket_directories=",
    ],
    logFile: join(directory, "postgres.log"),
    directory: data,
    ...(user === undefined ? {} : { user }),
  });
  await until("the start of PostgreSQL", READY_MS_MAX, () => {
    if (child.isOver) throw child.failure("PostgreSQL ended");
    return /database system is ready to accept connections/.test(child.log()) ? true : undefined;
  });
  return { url: `postgresql://bench@127.0.0.1:${port}`, child };
}

function debianFolders(): readonly string[] {
  try {
    const versions = readdirSync(DEBIAN).toSorted((a, b) => Number(b) - Number(a));
    return versions.map((version) => join(DEBIAN, version, "bin"));
  } catch {
    return []; // Not Debian, or not installed.
  }
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false; // Not there, or not ours to run.
  }
}

function unprivilegedUser(): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of UNPRIVILEGED) {
    const [uid, gid] = ["-u", "-g"].map((what) => spawnSync("id", [what, name], { encoding: "utf8" }));
    if (uid?.status === 0 && gid?.status === 0) return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  }
  throw new Error("PostgreSQL does not run as root, and there is neither a user postgres nor nobody");
}
