import { execFile } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { externalService } from "./external-service.ts";
import { startOnFreePorts } from "./free-port.ts";
import { findCommand, type ManagedProcess, startProcess, type UserIds } from "./managed-process.ts";
import { createServiceDirectory, removeServiceDirectory } from "./service-directory.ts";

export interface LocalPostgres extends AsyncDisposable {
  /** `postgres://nonet@127.0.0.1:port/postgres`; the user is a superuser and may create databases. */
  readonly url: string;
  /** SIGKILL to the server and its backends. Committed data stays. */
  kill(): Promise<void>;
  pause(): void;
  resume(): void;
  /** Kills what runs and starts again on the same port with the same data. */
  restart(): Promise<void>;
  /** Safe to call twice. */
  close(): Promise<void>;
}

const execute = promisify(execFile);

/**
 * Starts a PostgreSQL (15 or later) of its own on a free port of 127.0.0.1; or names the one of `NONET_TEST_POSTGRES_URL`, which cannot be
 * killed or paused. PostgreSQL refuses to run as root: then it runs as `postgres`, or `nobody` where there is no such user.
 *
 * @throws Error that says what to install when there is no server binary.
 */
export async function startPostgres(): Promise<LocalPostgres> {
  const external = process.env.NONET_TEST_POSTGRES_URL;
  if (external !== undefined) return { url: external, ...externalService("NONET_TEST_POSTGRES_URL") };
  const binaries = findServerBinaries();
  const runAs = await findUnprivilegedUser();
  const identity = runAs === undefined ? {} : { runAs };
  const directory = createServiceDirectory("postgres", runAs);
  const dataDirectory = join(directory, "data");

  const start = (port: number): Promise<ManagedProcess> =>
    startProcess({
      name: "postgres",
      command: join(binaries, "postgres"),
      // No fsync: a killed server loses nothing that the operating system has, and these data do not outlive the machine.
      args: [
        ...[
          "-D",
          dataDirectory,
          "-p",
          String(port),
          "-c",
          "listen_addresses=127.0.0.1",
          "-c",
          "unix_socket_directories=",
        ],
        ...["-c", "fsync=off", "-c", "shared_buffers=32MB", "-c", "max_connections=200", "-c", "logging_collector=off"],
        ...["-c", "lc_messages=C", "-c", "log_destination=stderr"],
      ],
      ...identity,
      isReadyLine: (line) => line.includes("database system is ready to accept connections"),
      startTimeoutMs: 30_000,
    });

  try {
    await createCluster(join(binaries, "initdb"), dataDirectory, runAs);
    return await startOnFreePorts(1, async ([port = 0]) => createHandle(port, await start(port), start, directory));
  } catch (error) {
    removeServiceDirectory(directory);
    throw error;
  }
}

function createHandle(
  port: number,
  server: ManagedProcess,
  start: (port: number) => Promise<ManagedProcess>,
  directory: string,
): LocalPostgres {
  let current = server;
  const close = async () => {
    await current.kill();
    removeServiceDirectory(directory);
  };
  return {
    url: `postgres://nonet@127.0.0.1:${port}/postgres`,
    kill: () => current.kill(),
    pause: () => current.pause(),
    resume: () => current.resume(),
    async restart() {
      await current.kill();
      current = await start(port);
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function createCluster(initdb: string, dataDirectory: string, runAs: UserIds | undefined): Promise<void> {
  await execute(
    initdb,
    [
      "-D",
      dataDirectory,
      "-U",
      "nonet",
      "--auth=trust",
      "--encoding=UTF8",
      "--locale=C",
      "--no-sync",
      "--no-instructions",
    ],
    // A directory that the other user may enter: initdb ends when it cannot name the current one.
    { ...runAs, cwd: "/", env: { ...process.env, LC_ALL: "C" } },
  );
}

/** Debian keeps the server's binaries out of PATH, one folder a version. */
function findServerBinaries(): string {
  const root = "/usr/lib/postgresql";
  const versions = existsSync(root)
    ? readdirSync(root)
        .map(Number)
        .filter((version) => version >= 15)
    : [];
  const newest = versions
    .sort((a, b) => b - a)
    .map((version) => join(root, String(version), "bin"))
    .find((folder) => existsSync(join(folder, "postgres")) && existsSync(join(folder, "initdb")));
  if (newest !== undefined) return newest;
  const initdb = findCommand("initdb");
  if (initdb !== undefined && findCommand("postgres") !== undefined) return join(initdb, "..");
  throw new Error(
    "no PostgreSQL server (15 or later) is installed: run `bash .ci/install` as root on Debian or Ubuntu, or set NONET_TEST_POSTGRES_URL",
  );
}

async function findUnprivilegedUser(): Promise<UserIds | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of ["postgres", "nobody"]) {
    try {
      const [uid, gid] = await Promise.all([execute("id", ["-u", name]), execute("id", ["-g", name])]);
      return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
    } catch {
      // There is no such user: the next name.
    }
  }
  throw new Error("PostgreSQL does not run as root and there is neither a user postgres nor a user nobody");
}
