/**
 * Commands after which a trace is mapped again from its stored spans: another mapping, or other settings. Then the rows of its spans say
 * what the new mapping says too.
 */
import type { MappedSpan } from "@nonet/ingest/map/mapped-span.ts";
import type { Refold } from "@nonet/proto/record-codec.ts";
import type { StoredSpan } from "../store/clickhouse/clickhouse-store.ts";
import { type RowText, toRowText } from "../store/clickhouse/row-text.ts";
import type { RefoldRecord, SpanRecord } from "./decode-records.ts";

type Records = readonly (SpanRecord | RefoldRecord)[];

function isReload({ reason }: Refold): boolean {
  return reason === "remap" || reason === "settings";
}

/** Whatever has to be stored before a trace can be read back is in an earlier run than the command that asks for it. */
export function splitAtReloads(records: Records): Records[] {
  const runs: (SpanRecord | RefoldRecord)[][] = [[]];
  let touched = new Set<string>();
  for (const each of records) {
    const key = `${each.record.projectId}\n${each.kind === "span" ? each.mapped.traceId : each.record.traceId}`;
    if (each.kind === "refold" && isReload(each.record) && touched.has(key)) {
      runs.push([]);
      touched = new Set();
    }
    touched.add(key);
    runs.at(-1)?.push(each);
  }
  return runs;
}

/** By project and trace, the command that asks for a trace to be read back; of several in one run there is one. */
export function reloadsOf(records: Records): Map<string, Refold> {
  const reloads = new Map<string, Refold>();
  for (const { kind, record } of records) {
    if (kind === "refold" && isReload(record)) reloads.set(`${record.projectId}\n${record.traceId}`, record);
  }
  return reloads;
}

/** @returns the row of a stored span as the command wants it; undefined when it is that already. */
export function toReloadedRow(
  projectId: string,
  stored: StoredSpan,
  mapped: MappedSpan,
  { mappingVersion, settingsVersion }: Pick<Refold, "mappingVersion" | "settingsVersion">,
): RowText | undefined {
  const agentName = mapped.class === "agent" ? (mapped.ownAgentName ?? "") : "";
  const isSame =
    stored.class === mapped.class &&
    stored.rule_id === mapped.ruleId &&
    stored.agent_name === agentName &&
    stored.mapping_version === mappingVersion &&
    stored.settings_version === settingsVersion;
  if (isSame) return undefined;
  return toRowText("spans", {
    project_id: projectId,
    hour: stored.hour,
    trace_id: stored.trace_id,
    span_id: stored.span_id,
    start_unix_nano: mapped.startTimeUnixNano.toString(),
    end_unix_nano: mapped.endTimeUnixNano.toString(),
    received_unix_nano: stored.received_unix_nano,
    name: mapped.name,
    service_name: mapped.serviceName ?? "",
    class: mapped.class,
    rule_id: mapped.ruleId,
    agent_name: agentName,
    status_code: Math.min(mapped.statusCode, 255),
    mapping_version: mappingVersion,
    price_version: stored.price_version,
    settings_version: settingsVersion,
    span: Buffer.from(stored.span, "base64"),
    resource: Buffer.from(stored.resource, "base64"),
    scope: Buffer.from(stored.scope, "base64"),
  });
}
