/** What a person reads once everything is up. */
import { formatAddress, type ListenAddress } from "@nonet/proto/listen-address.ts";
import type { StandaloneConfig } from "./config.ts";
import type { Standalone } from "./service.ts";

export function startMessage(config: StandaloneConfig, standalone: Standalone): string {
  const api = `http://${standalone.apiAddress}`;
  const { grpcAddresses, httpAddresses } = standalone.ingest.receiver;
  const addresses = (list: readonly ListenAddress[]) => list.map(formatAddress).join(", ");
  const http = `http://${addresses(httpAddresses.slice(0, 1))}/v1/traces`;
  return `
Nonet is ready. Data in ${config.NONET_DATA_DIR}

  OTLP gRPC   ${addresses(grpcAddresses)}
  OTLP HTTP   ${addresses(httpAddresses)}
  API         ${api}   (reference: ${api}/docs)
  admin       http://${standalone.adminAddress}/ready

  API key     ${standalone.apiKey}

Send spans:   export OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=${http}
See sessions: curl -H "Authorization: Bearer ${standalone.apiKey}" ${api}/api/projects/default/sessions
`;
}
