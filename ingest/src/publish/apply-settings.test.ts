import { noSettings, type ProjectSettings, projectSettingsSchema } from "@nonet/proto/control/project-settings.ts";
import { decodeResource, decodeScope, decodeSpan } from "@nonet/proto/otlp-protobuf.ts";
import { walkExportRequest } from "@nonet/proto/otlp-walk.ts";
import { encodeRequest, validRequest } from "@nonet/proto/testdata/otlp-messages.ts";
import fc from "fast-check";
import { expect, test } from "vitest";
import { createApplySettings } from "./apply-settings.ts";

const secret = "SECRET-7f3k";
const rules = projectSettingsSchema.parse({ maskingRules: [{ name: "ticket", pattern: "SECRET-\\w+" }] });

const traceId = Buffer.alloc(16, 7);
const attribute = (key: string, value: object) => ({ key, value });
const text = (value: string) => ({ string_value: value });

/** Says the secret wherever a message of a trace can say something. */
const everywhere = {
  resource_spans: [
    {
      resource: { attributes: [attribute("host", text(`a ${secret}`))] },
      scope_spans: [
        {
          scope: { name: `scope ${secret}`, version: secret, attributes: [attribute("s", text(secret))] },
          spans: [
            {
              trace_id: traceId,
              span_id: traceId.subarray(0, 8),
              name: `chat ${secret}`,
              attributes: [
                attribute("plain", text(secret)),
                attribute("json", text(JSON.stringify({ a: [{ b: `x"${secret}` }] }))),
                attribute("escaped", text('{"a":"SECRET\\u002d7f3k"}')),
                attribute("list", { array_value: { values: [text(secret), { int_value: 7 }] } }),
                attribute("map", { kvlist_value: { values: [attribute("k", text(secret))] } }),
              ],
              events: [{ name: `event ${secret}`, attributes: [attribute("e", text(secret))] }],
              links: [
                { trace_id: traceId, span_id: traceId.subarray(0, 8), attributes: [attribute("l", text(secret))] },
              ],
              status: { message: `failed for ${secret}`, code: 2 },
            },
            { trace_id: Buffer.alloc(3), span_id: traceId.subarray(0, 8), name: `refused ${secret}` },
          ],
        },
      ],
    },
  ],
};

function walk(request: Parameters<typeof encodeRequest>[0]) {
  const walked = walkExportRequest(encodeRequest(request));
  if (walked.outcome !== "walked") throw new Error(walked.reason);
  return walked;
}

function applying(settings: ProjectSettings, version = 4) {
  const counts = { masked: 0, unsearched: 0 };
  const settle = createApplySettings({
    settings: { current: async () => ({ version, settings }) },
    onMasked(more) {
      counts.masked += more.masked;
      counts.unsearched += more.unsearched;
    },
  }).settle;
  return { counts, settle };
}

test("nothing that a rule masks is left anywhere in a request, and everything else is", async () => {
  const { settle, counts } = applying(rules);
  const { groups, settingsVersion } = await settle("p", walk(everywhere));
  const bytes = groups.flatMap((group) => [
    group.resourceBytes,
    group.scopeBytes,
    ...group.spans.map((span) => span.bytes),
    ...group.rejected.map((span) => span.bytes),
  ]);
  for (const each of bytes) {
    expect(Buffer.from(each).toString("latin1")).not.toContain("SECRET");
    expect(Buffer.from(each).toString("latin1")).toContain("[masked]");
  }
  const [group] = groups;
  const resource = decodeResource(group?.resourceBytes ?? Buffer.alloc(0), "");
  const span = decodeSpan(
    group?.spans[0]?.bytes ?? Buffer.alloc(0),
    resource,
    decodeScope(group?.scopeBytes ?? Buffer.alloc(0), ""),
  );
  expect(span).toMatchObject({ name: "chat [masked]", statusMessage: "failed for [masked]", statusCode: 2 });
  expect(span.scope).toMatchObject({ name: "scope [masked]", version: "[masked]" });
  expect(Object.fromEntries(span.attributes)).toMatchObject({
    plain: "[masked]",
    json: '{"a":[{"b":"x\\"[masked]"}]}',
    escaped: '{"a":"[masked]"}',
  });
  expect(span.events[0]).toMatchObject({ name: "event [masked]" });
  expect(counts).toEqual({ masked: 15, unsearched: 0 });
  expect(settingsVersion).toBe(4);
});

test("a request of a project without rules is the same request, with its stamps", async () => {
  const request = walk(everywhere);
  const settled = await applying(noSettings.settings, 0).settle("p", request);
  expect(settled.groups).toBe(request.groups);
  expect(settled).toMatchObject({ settingsVersion: 0, priceVersion: expect.stringMatching(/^genai-prices@[\d.]+$/) });
  expect(settled.isIgnoredScope).toBeUndefined();
});

test("prices of a project and ignored scopes are part of the stamp and the answer", async () => {
  const settings = projectSettingsSchema.parse({
    ignoredScopes: ["noise.*"],
    priceOverrides: [{ model: "m", input: 1, output: 2 }],
  });
  const settled = await applying(settings, 9).settle("p", walk(everywhere));
  expect(settled.priceVersion).toMatch(/^genai-prices@[\d.]+\+settings@9$/);
  expect(["noise.http", "noise", "other"].map((name) => settled.isIgnoredScope?.(name))).toEqual([true, false, false]);
});

test("any request stays a request, of the same spans", async () => {
  const { settle } = applying(projectSettingsSchema.parse({ maskingRules: [{ name: "a", pattern: "[a-f]+|\\d" }] }));
  await fc.assert(
    fc.asyncProperty(validRequest, async (message) => {
      const request = walk(message);
      const { groups } = await settle("p", request);
      expect(groups.flatMap((group) => group.spans.map((span) => span.spanId))).toEqual(
        request.groups.flatMap((group) => group.spans.map((span) => span.spanId)),
      );
      for (const group of groups) {
        for (const span of group.spans) {
          decodeSpan(span.bytes, decodeResource(group.resourceBytes, ""), decodeScope(group.scopeBytes, ""));
        }
      }
    }),
    { numRuns: 50 },
  );
});
