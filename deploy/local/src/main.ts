/**
 * `pnpm --filter @nonet/local start`: Kafka, Redis and PostgreSQL for development, empty at every start, until Ctrl-C.
 * Prints the environment of the distributed services, ready for a shell.
 */
import { startKafka } from "./kafka.ts";
import { startPostgres } from "./postgres.ts";
import { startRedis } from "./redis.ts";

const stopped = new Promise<void>((resolve) => {
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
});

const starting = await Promise.allSettled([startKafka(), startRedis(), startPostgres()]);
const [kafka, redis, postgres] = starting;
if (kafka.status === "fulfilled" && redis.status === "fulfilled" && postgres.status === "fulfilled") {
  process.stdout.write(
    [
      `export KAFKA_BROKERS=${kafka.value.brokers.join(",")}`,
      `export REDIS_URL=${redis.value.url}`,
      `export DATABASE_URL=${postgres.value.url}`,
      "# Ctrl-C stops all three and deletes what they hold.\n",
    ].join("\n"),
  );
  await stopped;
} else {
  for (const result of starting) if (result.status === "rejected") process.stderr.write(`${result.reason.message}\n`);
  process.exitCode = 1;
}
for (const result of starting) if (result.status === "fulfilled") await result.value.close();
