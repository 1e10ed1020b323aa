/**
 * Run by `.ci/install`: fetches Kafka, and starts it once to archive the classes that a broker loads, so that every later start takes half
 * the time. Does nothing where both are there.
 */
import { existsSync, renameSync } from "node:fs";
import { startKafka } from "./kafka.ts";
import { loadKafkaDistribution } from "./kafka-distribution.ts";

const { classArchive } = await loadKafkaDistribution();
if (!existsSync(classArchive)) {
  const draft = `${classArchive}.${process.pid}`;
  const kafka = await startKafka({ javaArgs: [`-XX:ArchiveClassesAtExit=${draft}`] });
  await kafka.stop();
  await kafka.close();
  renameSync(draft, classArchive);
}
