/** The one way to connect to the ClickHouse dialect, a server or the embedded engine alike. */
import { type ClickHouseClient, createClient } from "@clickhouse/client";

export interface StoreAddress {
  readonly url: string;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
}

/** An insert of a full batch takes a second or two on a busy machine; beyond this the batch is tried again. */
const requestTimeoutMs = 60_000;

export function createStoreClient(address: StoreAddress): ClickHouseClient {
  return createClient({
    url: address.url,
    ...(address.username === undefined ? {} : { username: address.username }),
    ...(address.password === undefined ? {} : { password: address.password }),
    request_timeout: requestTimeoutMs,
    max_open_connections: 16,
    clickhouse_settings: {
      // 64-bit integers do not fit a JSON number.
      output_format_json_quote_64bit_integers: 1,
      // A tombstone is its key and nulls (row-text.ts).
      input_format_null_as_default: 1,
      // Rows of one insert have different keys: sorting out repeats is left to merges and FINAL.
      optimize_on_insert: 0,
      // One core parses a batch faster than two that hand chunks over.
      input_format_parallel_parsing: 0,
      max_insert_threads: "1",
    },
  });
}
