/** The tenant traces API over a real store that the processor's own code fills, and short ways to write spans and read answers. */
import { createHash } from "node:crypto";
import type { Scope } from "@nonet/proto/control/scopes.ts";
import {
  type AttributeInput,
  type SpanInput,
  toExportRequest,
} from "@nonet/query-api/session-traces/testdata/otlp-request.ts";
import { type ApiFixture, type Owner, startApiFixture } from "../session-traces/api-fixture.ts";

export type { SpanInput } from "@nonet/query-api/session-traces/testdata/otlp-request.ts";
export type { Owner } from "../session-traces/api-fixture.ts";

export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: bodies of every kind
  readonly body: any;
}

export interface TracesFixture {
  readonly api: ApiFixture;
  /** A key of that owner, made once. */
  tokenOf(owner: Owner, scopes?: readonly Scope[]): string;
  get(token: string | undefined, path: string, init?: RequestInit): Promise<Answered>;
  store(owner: Owner, spans: readonly SpanInput[]): Promise<void>;
  /** The list with that query, as the owner's full key sees it. */
  list(owner: Owner, query?: string): Promise<Answered>;
  detail(owner: Owner, traceId: string, query?: string): Promise<Answered>;
  close(): Promise<void>;
}

export const startMs = Date.parse("2026-05-04T09:00:00Z");

export async function startTracesFixture(): Promise<TracesFixture> {
  const api = await startApiFixture();
  const tokenOf: TracesFixture["tokenOf"] = (owner, scopes = ["traces:read", "traces:content"]) => {
    const token = `sk_test_${idOf(JSON.stringify([owner, scopes]), 24)}`;
    api.addToken(token, owner, scopes);
    return token;
  };
  const get: TracesFixture["get"] = async (token, path, init = {}) => {
    const headers = { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...init.headers };
    const response = await fetch(api.url + path, { ...init, headers });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      text,
      body: text === "" ? undefined : JSON.parse(text),
    };
  };
  return {
    api,
    tokenOf,
    get,
    store: (owner, spans) => api.ingest(toExportRequest(spans), owner),
    list: (owner, query = "") => get(tokenOf(owner), `/tenants/${owner.tenantId}/traces${query}`),
    detail: (owner, traceId, query = "") => get(tokenOf(owner), `/tenants/${owner.tenantId}/traces/${traceId}${query}`),
    close: () => api.close(),
  };
}

let owners = 0;

/** A project of its own, so that tests do not see each other's traces. */
export function newOwner(tenantId = "acme"): Owner {
  owners += 1;
  return { tenantId, projectId: `prj-${owners}` };
}

export function idOf(text: string, length: number): string {
  return createHash("sha256").update(text).digest("hex").slice(0, length);
}

export function traceIdOf(name: string): string {
  return idOf(`trace ${name}`, 32);
}

/** Nanoseconds since 1970 of a number of milliseconds after `startMs`, fractions included. */
export function at(ms: number): bigint {
  return BigInt(startMs) * 1_000_000n + BigInt(Math.round(ms * 1_000_000));
}

export interface SpanOptions {
  readonly trace: string;
  readonly id: string;
  readonly parent?: string;
  readonly name?: string;
  /** Milliseconds; without an end the span is open. */
  readonly times: readonly [number, number?];
  readonly attributes?: Readonly<Record<string, AttributeInput>>;
  readonly status?: SpanInput["status"];
  readonly events?: SpanInput["events"];
}

export function span(options: SpanOptions): SpanInput {
  const { trace, id, parent, name, times, attributes, status, events } = options;
  return {
    traceId: traceIdOf(trace),
    spanId: idOf(`span ${trace} ${id}`, 16),
    ...(parent === undefined ? {} : { parentSpanId: idOf(`span ${trace} ${parent}`, 16) }),
    name: name ?? id,
    start: at(times[0]),
    ...(times[1] === undefined ? {} : { end: at(times[1]) }),
    ...(attributes === undefined ? {} : { attributes }),
    ...(status === undefined ? {} : { status }),
    ...(events === undefined ? {} : { events }),
  };
}

/** `invoke_agent` attributes. */
export function agent(name: string, extra: SpanOptions["attributes"] = {}): NonNullable<SpanOptions["attributes"]> {
  return { "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": name, ...extra };
}

/** `chat` attributes of gpt-4o. */
export function chat(extra: SpanOptions["attributes"] = {}): NonNullable<SpanOptions["attributes"]> {
  return {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    ...extra,
  };
}

export function tool(
  name: string,
  { id, result, args }: { id?: string; result?: AttributeInput; args?: AttributeInput } = {},
): NonNullable<SpanOptions["attributes"]> {
  return {
    "gen_ai.operation.name": "execute_tool",
    "gen_ai.tool.name": name,
    ...(id === undefined ? {} : { "gen_ai.tool.call.id": id }),
    ...(args === undefined ? {} : { "gen_ai.tool.call.arguments": args }),
    ...(result === undefined ? {} : { "gen_ai.tool.call.result": result }),
  };
}

export function said(role: string, ...parts: readonly (string | object)[]): object {
  return { role, parts: parts.map((part) => (typeof part === "string" ? { type: "text", content: part } : part)) };
}

export function call(name: string, args: unknown, id?: string): object {
  return { type: "tool_call", ...(id === undefined ? {} : { id }), name, arguments: args };
}

export function result(response: unknown, id?: string): object {
  return { type: "tool_call_response", ...(id === undefined ? {} : { id }), response };
}
