/** Records the traffic of the Go programs for CI, which plays it again without them: a few hundred spans each, through a tap, without a restart. */

import { saveCapture } from "./captures.ts";
import { type Cell, listCells } from "./cells.ts";
import { keysOfConnection } from "./request-keys.ts";
import { newPrefix } from "./run-cell.ts";
import { plannedKeys } from "./span-plan.ts";
import { startStandaloneReceiver } from "./standalone-receiver.ts";
import { startTap } from "./tap.ts";
import type { Versions } from "./versions.ts";

const spanCount = 1_000;
const recorded = new Set(["OpenTelemetry Go SDK", "OpenTelemetry Collector", "telemetrygen"]);

export async function recordCaptures(versions: Versions): Promise<void> {
  const cells = listCells(() => Promise.reject(new Error("no browser here"))).filter(({ sender }) =>
    recorded.has(sender),
  );
  const receiver = await startStandaloneReceiver();
  try {
    for (const cell of cells) {
      await record(cell, receiver, versions);
      console.log(`recorded ${nameOf(cell)}`);
    }
  } finally {
    await receiver.close();
  }
}

async function record(
  cell: Cell,
  receiver: { grpcUrl: string; httpUrl: string; apiKey: string },
  versions: Versions,
): Promise<void> {
  const transport = cell.protocol === "grpc" ? "grpc" : "http";
  const upstream = transport === "grpc" ? receiver.grpcUrl : receiver.httpUrl;
  const tap = await startTap(upstream);
  const prefix = newPrefix();
  const { protocol, compression } = cell;
  await cell.send({
    protocol,
    compression,
    endpoint: tap.url,
    apiKey: receiver.apiKey,
    prefix,
    spanCount,
    pauseMs: 1,
  });
  const connections = tap.connections();
  await tap.close();
  const keys = connections.flatMap((bytes) => keysOfConnection(transport, bytes));
  const planned = plannedKeys({ prefix, spanCount });
  if (!cell.hasOwnIds && !(keys.length === planned.size && keys.every((key) => planned.has(key)))) {
    throw new Error(`${nameOf(cell)}: the spans on the wire are not those of the plan`);
  }
  saveCapture({
    name: nameOf(cell),
    version: versions[cell.sender],
    transport,
    recordedOn: new Date().toISOString().slice(0, 10),
    keys,
    connections: connections.map((bytes) => bytes.toString("base64")),
  });
}

function nameOf({ sender, protocol, compression }: Cell): string {
  return `${sender} ${protocol}${compression === "none" ? "" : ` ${compression}`}`;
}
