import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { findCommand } from "./managed-process.ts";

/**
 * Kafka as its jars, and what else can be made once instead of at every start. It lies outside of git, in a directory named for the versions
 * in `pom.xml`, so that a new version never meets the leftovers of an old one:
 *
 *     .local/kafka-<hash of pom.xml>/
 *       jars/             copied by Maven (45 jars, 43 MB)
 *       formatted/<id>/   the data directory of node <id> as StorageTool formats it; saves a JVM (1.3 s) a node and start
 *       classes.jsa       the JVM's archive of loaded classes, where prepare-kafka.ts made one; saves half of the start
 */
export interface KafkaDistribution {
  readonly java: string;
  /** Arguments of `java` before the class name. */
  readonly javaArgs: readonly string[];
  /** Where the JVM's class archive belongs; it may be missing. */
  readonly classArchive: string;
  /** Puts the formatted, empty data directory of node 1, 2 or 3 where `dataDirectory` says. */
  copyFormatted(node: number, dataDirectory: string): void;
}

const execute = promisify(execFile);
const packageDirectory = join(import.meta.dirname, "..");
const cacheDirectory = join(packageDirectory, "..", "..", ".local");
const pom = join(packageDirectory, "pom.xml");
const nodesMax = 3;

/** Clusters of tests share it: they cannot meet, since each knows only its own ports. */
const clusterId = "bm9uZXQtbG9jYWwta2Fma2";

/**
 * Finds the distribution, and makes it where it is missing (10 to 30 s). Several processes may do so at once: each works in a directory of its
 * own and the first to finish gives it its name.
 *
 * @throws Error that says what to install when Java or Maven is missing.
 */
export async function loadKafkaDistribution(): Promise<KafkaDistribution> {
  const java = findJava();
  const hash = createHash("sha256").update(readFileSync(pom)).digest("hex").slice(0, 12);
  const directory = join(cacheDirectory, `kafka-${hash}`);
  if (!existsSync(directory)) await createDistribution(java, directory);

  const classArchive = join(directory, "classes.jsa");
  const archived = existsSync(classArchive) ? [`-XX:SharedArchiveFile=${classArchive}`] : [];
  return {
    java,
    javaArgs: [...archived, ...buildJavaArgs(directory)],
    classArchive,
    copyFormatted(node, dataDirectory) {
      cpSync(join(directory, "formatted", String(node)), dataDirectory, { recursive: true });
    },
  };
}

function buildJavaArgs(directory: string): string[] {
  const jars = join(directory, "jars");
  const classPath = readdirSync(jars).map((name) => join(jars, name));
  const logging = join(packageDirectory, "kafka-log4j2.properties");
  return [
    // The first compiler only and the simple collector: a broker that lives for one test must start soon and leave the cores to the test.
    ...["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", `-Dlog4j2.configurationFile=${logging}`],
    ...["-cp", classPath.join(":")],
  ];
}

function findJava(): string {
  const home = process.env.JAVA_HOME;
  const java = home === undefined ? findCommand("java") : join(home, "bin", "java");
  if (java !== undefined && existsSync(java)) return java;
  throw new Error(
    "Java (17 or later) is not installed: run `bash .ci/install` as root on Debian or Ubuntu, or set NONET_TEST_KAFKA_BROKERS",
  );
}

async function createDistribution(java: string, directory: string): Promise<void> {
  const maven = findCommand("mvn");
  if (maven === undefined) {
    throw new Error(
      "Maven (mvn) is not installed and Kafka's jars are not there yet: run `bash .ci/install` as root on Debian or Ubuntu, or set NONET_TEST_KAFKA_BROKERS",
    );
  }
  mkdirSync(cacheDirectory, { recursive: true });
  const draft = mkdtempSync(join(cacheDirectory, "kafka-draft-"));
  try {
    await execute(maven, [
      ...["--batch-mode", "--quiet", "--file", pom, "dependency:copy-dependencies"],
      ...[`-DoutputDirectory=${join(draft, "jars")}`, "-DincludeScope=runtime"],
    ]).catch((error: { stdout?: string }) => {
      // Maven explains itself on stdout, which the error's own message leaves out.
      throw new Error(`Maven could not copy Kafka's jars: ${error.stdout ?? ""}`, { cause: error });
    });
    for (let node = 1; node <= nodesMax; node++) await format(java, draft, node);
    if (!existsSync(directory)) renameSync(draft, directory);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

async function format(java: string, draft: string, node: number): Promise<void> {
  const propertiesFile = join(draft, "format.properties");
  writeFileSync(
    propertiesFile,
    [
      "process.roles=broker,controller",
      `node.id=${node}`,
      `controller.quorum.voters=${node}@127.0.0.1:1`,
      "listeners=PLAINTEXT://127.0.0.1:2,CONTROLLER://127.0.0.1:1",
      "controller.listener.names=CONTROLLER",
      `log.dirs=${join(draft, "formatted", String(node))}\n`,
    ].join("\n"),
  );
  const args = ["kafka.tools.StorageTool", "format", "--cluster-id", clusterId, "--config", propertiesFile];
  await execute(java, [...buildJavaArgs(draft), ...args]);
  rmSync(propertiesFile);
}
