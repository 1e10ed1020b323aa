/** How many workers there are, and what each may use of limits that hold for all of them together. */
import { PipelineError } from "@nonet/proto/errors.ts";
import type { IngestConfig } from "../config.ts";
import { inFlightBytesLimit } from "../receive/receiver-config.ts";

/** Beside a request of the largest size there must be room for others. */
const largestRequestsPerWorker = 1.25;

/**
 * @param coreCount what this process may use.
 * @throws PipelineError `CONFIG_INVALID` when more workers are asked for than can each hold a request of the largest size.
 */
export function workerCountFor(
  config: Pick<IngestConfig, "NONET_OTLP_IN_FLIGHT_BYTES_MAX" | "NONET_OTLP_REQUEST_BYTES_MAX"> & {
    readonly NONET_INGEST_WORKERS?: number | undefined;
  },
  coreCount: number,
): number {
  const inFlight = inFlightBytesLimit(config.NONET_OTLP_IN_FLIGHT_BYTES_MAX);
  const most = Math.max(1, Math.floor(inFlight / (largestRequestsPerWorker * config.NONET_OTLP_REQUEST_BYTES_MAX)));
  const asked = config.NONET_INGEST_WORKERS;
  if (asked === undefined) return Math.min(coreCount, most);
  if (asked <= Math.max(1, most)) return asked;
  throw new PipelineError(
    "CONFIG_INVALID",
    `NONET_INGEST_WORKERS is ${asked}, and ${inFlight} bytes in flight have room for a largest request in ${most}; raise NONET_OTLP_IN_FLIGHT_BYTES_MAX (at most a quarter of the memory counts) or lower NONET_OTLP_REQUEST_BYTES_MAX`,
  );
}

export function shareOf<Config extends Pick<IngestConfig, "NONET_OTLP_IN_FLIGHT_BYTES_MAX">>(
  config: Config,
  workerCount: number,
): Config {
  const inFlight = inFlightBytesLimit(config.NONET_OTLP_IN_FLIGHT_BYTES_MAX);
  return { ...config, NONET_OTLP_IN_FLIGHT_BYTES_MAX: Math.floor(inFlight / workerCount) };
}
