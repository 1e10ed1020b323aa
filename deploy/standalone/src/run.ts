/** Standalone as a process: the environment in, addresses out. */
import { parseConfig } from "@nonet/proto/parse-config.ts";
import { runService } from "@nonet/proto/run-service.ts";
import { pino } from "pino";
import { standaloneConfigSchema } from "./config.ts";
import { startStandalone } from "./service.ts";
import { startMessage } from "./start-message.ts";

export function runStandalone(environment: NodeJS.ProcessEnv): Promise<void> {
  return runService(async () => {
    const config = parseConfig(standaloneConfigSchema, environment);
    const log = pino({ level: config.NONET_LOG_LEVEL }, pino.destination({ dest: 2, sync: true }));
    const standalone = await startStandalone(config, {
      log,
      onFirstSpan: () => console.log("The first span arrived."),
      now: Date.now,
    });
    console.log(startMessage(config, standalone));
    return standalone;
  });
}
