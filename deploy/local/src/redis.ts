import { externalService } from "./external-service.ts";
import { startOnFreePorts } from "./free-port.ts";
import { findCommand, type ManagedProcess, startProcess } from "./managed-process.ts";
import { createServiceDirectory, removeServiceDirectory } from "./service-directory.ts";

export interface LocalRedis extends AsyncDisposable {
  /** `redis://127.0.0.1:port` */
  readonly url: string;
  /** SIGKILL. Nothing is kept: after `restart` the server is empty. */
  kill(): Promise<void>;
  pause(): void;
  resume(): void;
  /** Kills what runs and starts again on the same port, empty. */
  restart(): Promise<void>;
  /** Safe to call twice. */
  close(): Promise<void>;
}

export interface RedisOptions {
  /** `maxmemory` in bytes; at the limit any key may be evicted. Unlimited when left out. */
  readonly memoryBytesMax?: number;
}

/**
 * Starts a Redis of its own on a free port of 127.0.0.1, without persistence; or names the one of `NONET_TEST_REDIS_URL`, which cannot be
 * killed or paused.
 *
 * @throws Error that says what to install when there is no `redis-server`.
 */
export async function startRedis(options: RedisOptions = {}): Promise<LocalRedis> {
  const external = process.env.NONET_TEST_REDIS_URL;
  if (external !== undefined) return { url: external, ...externalService("NONET_TEST_REDIS_URL") };
  if (findCommand("redis-server") === undefined) {
    throw new Error(
      "redis-server is not installed: run `bash .ci/install` as root on Debian or Ubuntu, or set NONET_TEST_REDIS_URL",
    );
  }

  const directory = createServiceDirectory("redis");
  const start = (port: number): Promise<ManagedProcess> =>
    startProcess({
      name: "redis",
      command: "redis-server",
      args: [
        ...[
          "--port",
          String(port),
          "--bind",
          "127.0.0.1",
          "--save",
          "",
          "--appendonly",
          "no",
          "--dir",
          directory,
          "--daemonize",
          "no",
        ],
        ...(options.memoryBytesMax === undefined
          ? []
          : ["--maxmemory", String(options.memoryBytesMax), "--maxmemory-policy", "allkeys-lru"]),
      ],
      isReadyLine: (line) => line.includes("Ready to accept connections"),
      startTimeoutMs: 20_000,
    });

  let port = 0;
  let current: ManagedProcess;
  try {
    current = await startOnFreePorts(1, ([free = 0]) => {
      port = free;
      return start(port);
    });
  } catch (error) {
    removeServiceDirectory(directory);
    throw error;
  }

  const close = async () => {
    await current.kill();
    removeServiceDirectory(directory);
  };
  return {
    url: `redis://127.0.0.1:${port}`,
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
