/** Microseconds of CPU per span of the canonical workload, stage by stage, in one process and without any I/O. */
import { spawnSync } from "node:child_process";
import { mapSpan } from "@nonet/ingest/map/map-span.ts";
import type { MappedSpan } from "@nonet/ingest/map/mapped-span.ts";
import { callReportsOf } from "@nonet/processor/fold/trace-copies.ts";
import { addSpans, createTraceState, foldState } from "@nonet/processor/fold/trace-state.ts";
import { derivedRowsOf } from "@nonet/processor/store/clickhouse/rows/derived-rows.ts";
import { decodeResource, decodeScope, decodeSpan } from "@nonet/proto/otlp-protobuf.ts";
import type { DecodedSpan } from "@nonet/proto/otlp-span.ts";
import { walkExportRequest } from "@nonet/proto/otlp-walk.ts";
import { decodeRecord, encodeRecord } from "@nonet/proto/record-codec.ts";
import { mappingVersion, priceTable } from "@nonet/proto/versions.ts";
import { cost, type Figure } from "../figure.ts";
import { createWorkload } from "../workload.ts";

interface StageCost {
  stage: string;
  /** Median over the rounds. */
  usPerSpan: number;
}

const rounds = 9;

/** Runs each stage over the whole workload; the first rounds warm the JIT and are left out. */
function measureStages(spanCount: number): StageCost[] {
  const workload = createWorkload({ seed: 3, spanCount, startMs: Date.UTC(2026, 4, 4, 9) });
  const requests = [...workload.requests(256)];
  const groups = requests.flatMap((request) => {
    const walked = walkExportRequest(request);
    if (!("groups" in walked)) throw new Error("the workload does not decode");
    return walked.groups;
  });
  const spans = groups.flatMap((group) => group.spans.map((span) => ({ group, bytes: span.bytes })));
  const resource = decodeResource(groups[0]?.resourceBytes ?? new Uint8Array(), "");
  const scope = decodeScope(groups[0]?.scopeBytes ?? new Uint8Array(), "");
  // As many spans of HTTP clients, which say nothing of agents.
  const http = spans
    .filter((span) => decodeSpan(span.bytes, resource, scope).attributes.has("http.request.method"))
    .map((span) => span.bytes);
  const plain = Array.from({ length: spans.length }, (_, at) => http[at % http.length] ?? new Uint8Array());
  const decode = (): DecodedSpan[] => spans.map((span) => decodeSpan(span.bytes, resource, scope));
  const decoded = decode();
  const mapped = decoded.map((span) => mapSpan(span));
  const traces = [...Map.groupBy(mapped, (span) => span.traceId).values()];
  const fold = () =>
    traces.map((trace: MappedSpan[]) => {
      const state = createTraceState({ tenantId: "default" });
      addSpans(state, trace);
      return foldState(state);
    });
  const folded = fold();
  const encode = () =>
    spans.map((span) =>
      encodeRecord({
        kind: "span_events",
        tenantId: "default",
        projectId: "default",
        receivedUnixNano: 1_777_885_200_000_000_000n,
        mappingVersion,
        priceVersion: priceTable,
        settingsVersion: 0,
        resource: span.group.resourceBytes,
        scope: span.group.scopeBytes,
        span: span.bytes,
        resourceSchemaUrl: "",
        scopeSchemaUrl: "",
        spanClass: "",
        ruleId: "",
        events: [],
      }),
    );
  const records = encode();
  const stages: Record<string, () => unknown> = {
    "walk request": () => requests.map((request) => walkExportRequest(request)),
    "decode span": decode,
    "map span (Stage A)": () => decoded.map((span) => mapSpan(span)),
    "decode and map": () => spans.map((span) => mapSpan(decodeSpan(span.bytes, resource, scope))),
    "decode and map, plain span": () => plain.map((bytes) => mapSpan(decodeSpan(bytes, resource, scope))),
    "encode record": encode,
    "decode record": () => records.map((record) => decodeRecord(record)),
    "fold (Stage B)": fold,
    "derive rows": () => folded.map((trace) => derivedRowsOf("default", trace, { reports: callReportsOf(trace) })),
  };
  return Object.entries(stages).map(([stage, run]) => ({ stage, usPerSpan: medianOf(run, spans.length) }));
}

function medianOf(run: () => unknown, spanCount: number): number {
  const times: number[] = [];
  for (let round = 0; round < rounds + 3; round += 1) {
    const started = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(started);
    if (round >= 3) times.push((user + system) / spanCount);
  }
  times.sort((a, b) => a - b);
  return Math.round((times[Math.floor(times.length / 2)] ?? 0) * 10) / 10;
}

const targets: Readonly<Record<string, number>> = { "decode and map": 25, "decode and map, plain span": 5 };

/** In a process of its own: what ran before in this one would have shaped its types and its heap. */
export async function stageFigures(): Promise<Figure[]> {
  const child = spawnSync(process.execPath, [import.meta.filename], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  const costs = JSON.parse(child.stdout) as StageCost[];
  return costs.map(({ stage, usPerSpan }) => cost("stages", stage, usPerSpan, "us CPU/span", targets[stage]));
}

if (import.meta.main) console.log(JSON.stringify(measureStages(6_000)));
