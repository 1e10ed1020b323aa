import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { spanToJson } from "./otlp-json.ts";
import { decodeResource, decodeScope, decodeSpan } from "./otlp-protobuf.ts";
import { type WalkedRequest, walkExportRequest, walkExportRequestInSlices } from "./otlp-walk.ts";
import {
  encodeRequest,
  field,
  requestAround,
  sampleIds,
  seededRandom,
  validRequest,
  varint,
} from "./testdata/otlp-messages.ts";

// Properties take their time on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

const seed = { seed: Number(process.env["NONET_TEST_SEED"] ?? 20261124) };
const noResource = decodeResource(new Uint8Array(), "");
const noScope = decodeScope(new Uint8Array(), "");

function walk(bytes: Uint8Array): WalkedRequest {
  const walked = walkExportRequest(bytes);
  if (walked.outcome !== "walked") throw new Error(walked.reason);
  return walked;
}

function onlySpan(walked: WalkedRequest) {
  const span = walked.groups[0]?.spans[0];
  if (span === undefined) throw new Error("no span was accepted");
  return decodeSpan(span.bytes, noResource, noScope);
}

const attribute = (key: string, text: string) => field(9, field(1, key), field(2, field(1, text)));
const parent = (...bytes: number[]) => field(4, Buffer.from(bytes));

describe("walkExportRequest refuses damage at any depth, and names the field (33)", () => {
  const spanWith = (...parts: Buffer[]) => requestAround(Buffer.concat([sampleIds, ...parts]));
  it.each([
    ["cut bytes", Buffer.from([0x0a]), "resource_spans[0]"],
    ["length beyond its parent", Buffer.from([0x0a, 5, 1]), "resource_spans[0]"],
    ["wrong wire type at the top", Buffer.from([0x08, 1]), "resource_spans[0]"],
    ["group at the top", Buffer.from([0x0b]), "resource_spans[0]"],
    ["group in an unknown field", Buffer.from([0x7b]), ""],
    ["invalid wire type", Buffer.from([0x7e]), ""],
    ["field number 0", Buffer.from([0x02, 0]), ""],
    ["resource of a wrong type", field(1, Buffer.from([0x08, 1])), "resource_spans[0].resource"],
    ["scope", field(1, field(2, field(1, Buffer.from([0x08, 1])))), "resource_spans[0].scope_spans[0].scope.name"],
    ["span name as a number", spanWith(Buffer.from([0x28, 1])), "resource_spans[0].scope_spans[0].spans[0].name"],
    ["kind as text", spanWith(field(6, "x")), "resource_spans[0].scope_spans[0].spans[0].kind"],
    [
      "time cut short",
      spanWith(Buffer.from([0x39, 1, 2])),
      "resource_spans[0].scope_spans[0].spans[0].start_time_unix_nano",
    ],
    [
      "varint of 11 bytes",
      spanWith(Buffer.from([0x30, ...Array(10).fill(0xff), 1])),
      "resource_spans[0].scope_spans[0].spans[0].kind",
    ],
    [
      "second attribute",
      spanWith(attribute("a", "b"), field(9, field(1, "c"), field(2, Buffer.from([0x0a, 9, 1])))),
      "resource_spans[0].scope_spans[0].spans[0].attributes[1].value.string_value",
    ],
    [
      "value in a list in an event",
      spanWith(field(11, field(3, field(1, "k"), field(2, field(5, field(1), field(1, Buffer.from([0x19]))))))),
      "resource_spans[0].scope_spans[0].spans[0].events[0].attributes[0].value.array_value.values[1].int_value",
    ],
    [
      "eighth span of the third scope",
      field(
        1,
        field(2, field(2, sampleIds)),
        field(2),
        field(2, ...Array.from({ length: 7 }, () => field(2, sampleIds)), field(2, field(9, Buffer.from([0xff])))),
      ),
      "resource_spans[0].scope_spans[2].spans[7].attributes[0]",
    ],
  ])("%s", (_, bytes, path) => {
    const walked = walkExportRequest(bytes);
    expect(walked).toMatchObject({ outcome: "undecodable", path });
    if (walked.outcome === "undecodable") expect(walked.reason).not.toBe("");
  });

  it("whatever is cut off a request, it is refused or still a shorter request", () => {
    fc.assert(
      fc.property(validRequest, fc.nat(), (request, at) => {
        const bytes = encodeRequest(request);
        const cut = bytes.subarray(0, bytes.length === 0 ? 0 : at % bytes.length);
        const walked = walkExportRequest(cut);
        if (walked.outcome === "walked") expect(walked.spanCount).toBeLessThanOrEqual(walk(bytes).spanCount);
      }),
      { ...seed, numRuns: 150 },
    );
  });

  it("damage beyond the depth limit is found too", () => {
    let nested: Buffer = Buffer.from([0x0a, 9, 1]);
    for (let depth = 0; depth < 90; depth++) nested = field(5, field(1, nested));
    const walked = walkExportRequest(spanWith(field(9, field(1, "k"), field(2, nested))));
    expect(walked).toMatchObject({ outcome: "undecodable" });
    if (walked.outcome === "undecodable") {
      expect(walked.path).toMatch(
        /^resource_spans\[0\]\.scope_spans\[0\]\.spans\[0\]\.attributes\[0\]\.value\.array_value\.values\[0\]/,
      );
    }
  });
});

describe("walkExportRequest accepts", () => {
  it("nothing as nothing (34)", () => {
    for (const bytes of [new Uint8Array(), field(1), field(1, field(2)), field(1, field(1, field(1, field(1, "k"))))]) {
      expect(walk(bytes)).toMatchObject({ groups: [], spanCount: 0, rejectedCount: 0 });
    }
  });

  it("spans in their envelopes and in their order (38), with a resource that comes after them (36)", () => {
    const span = (id: number) => field(2, field(1, Buffer.alloc(16, 1)), field(2, Buffer.alloc(8, id)));
    const bytes = Buffer.concat([
      field(1, field(2, span(1), field(1, field(1, "s1")), span(2)), field(1, field(1, field(1, "r"))), field(3, "u")),
      field(1, field(2, field(3, "v"), span(3))),
    ]);
    const groups = walk(bytes).groups;
    expect(groups.map((group) => group.spans.map((each) => each.spanId[1]))).toEqual([["1", "2"], ["3"]]);
    expect(decodeScope(groups[0]?.scopeBytes ?? new Uint8Array(), "").name).toBe("s1");
    expect([...decodeResource(groups[0]?.resourceBytes ?? new Uint8Array(), "").attributes.keys()]).toEqual(["r"]);
    expect(groups.map((group) => [group.resourceSchemaUrl, group.scopeSchemaUrl])).toEqual([
      ["u", ""],
      ["", "v"],
    ]);
  });

  it("two resources and two scopes as one each, merged (36)", () => {
    const bytes = field(
      1,
      field(1, field(1, field(1, "a"))),
      field(2, field(1, field(1, "name")), field(2, sampleIds), field(1, field(2, "1.0"))),
      field(1, field(1, field(1, "b"))),
    );
    const group = walk(bytes).groups[0];
    expect([...decodeResource(group?.resourceBytes ?? new Uint8Array(), "").attributes.keys()]).toEqual(["a", "b"]);
    expect(decodeScope(group?.scopeBytes ?? new Uint8Array(), "")).toMatchObject({ name: "name", version: "1.0" });
  });

  it("odd but legal spans as they are (70)", () => {
    const odd = Buffer.concat([
      sampleIds,
      Buffer.from([0x30, 0x63]),
      Buffer.from([0x39, 9, 0, 0, 0, 0, 0, 0, 0]),
      Buffer.from([0x41, 8, 0, 0, 0, 0, 0, 0, 0]),
      attribute("k", "first"),
      attribute("", "empty key"),
      attribute("k", "last"),
      field(15, Buffer.from([0x18, 7])),
      Buffer.from([0x85, 0x01, 0x01, 0x03, 0xff, 0xff]),
    ]);
    const walked = walk(requestAround(odd));
    expect(onlySpan(walked)).toMatchObject({
      name: "",
      kind: 99,
      startTimeUnixNano: 9n,
      endTimeUnixNano: 8n,
      statusCode: 7,
      flags: 0xffff0301,
      attributes: new Map([
        ["k", "last"],
        ["", "empty key"],
      ]),
    });
    expect(walked.warnings).toEqual({ invalidParents: 0, droppedLinks: 0, tooDeepValues: 0, indexedValues: 0 });
    expect(Buffer.from(walked.groups[0]?.spans[0]?.bytes ?? [])).toEqual(odd);
  });
});

describe("walkExportRequest rejects single spans (67, 75)", () => {
  const traceId = field(1, Buffer.alloc(16, 1));
  const spanId = field(2, Buffer.alloc(8, 2));
  it.each([
    ["no ids", attribute("k", "v"), "no_ids"],
    ["an empty span", Buffer.alloc(0), "no_ids"],
    ["trace id all zero", Buffer.concat([field(1, Buffer.alloc(16)), spanId]), "invalid_trace_id"],
    ["trace id of 15 bytes", Buffer.concat([field(1, Buffer.alloc(15, 1)), spanId]), "invalid_trace_id"],
    ["no trace id", spanId, "invalid_trace_id"],
    ["span id all zero", Buffer.concat([traceId, field(2, Buffer.alloc(8))]), "invalid_span_id"],
    ["span id of 16 bytes", Buffer.concat([traceId, field(2, Buffer.alloc(16, 1))]), "invalid_span_id"],
    ["no span id", traceId, "invalid_span_id"],
    [
      "a log record",
      Buffer.concat([
        Buffer.from([0x09, 1, 2, 3, 4, 5, 6, 7, 8, 0x10, 9]),
        field(3, "INFO"),
        field(5, field(1, "body")),
        field(6, field(1, "k"), field(2, field(1, "v"))),
        field(9, Buffer.alloc(16, 7)),
        field(10, Buffer.alloc(8, 7)),
        Buffer.from([0x59, 1, 2, 3, 4, 5, 6, 7, 8]),
      ]),
      "no_ids",
    ],
  ])("%s", (_, span, reason) => {
    const bytes = field(1, field(2, field(2, sampleIds), field(2, span), field(2, sampleIds)));
    const walked = walk(bytes);
    expect(walked.groups[0]?.rejected.map((each) => each.reason)).toEqual([reason]);
    expect([walked.groups[0]?.spans.length, walked.spanCount, walked.rejectedCount]).toEqual([2, 3, 1]);
  });
});

describe("walkExportRequest repairs and counts", () => {
  const spanWith = (...parts: Buffer[]) => walk(requestAround(Buffer.concat([sampleIds, ...parts])));

  it.each([
    ["parent of 8 zero bytes is no parent (68)", parent(0, 0, 0, 0, 0, 0, 0, 0), 0],
    ["empty parent is no parent", parent(), 0],
    ["parent of 7 bytes is dropped with a warning (68)", parent(1, 2, 3, 4, 5, 6, 7), 1],
    ["parent of 16 bytes too", parent(...Array(16).fill(1)), 1],
  ])("%s", (_, bytes, invalidParents) => {
    const walked = spanWith(bytes);
    expect(onlySpan(walked).parentSpanId).toBeUndefined();
    expect(walked.warnings).toMatchObject({ invalidParents });
    expect(spanToJson(walked.groups[0]?.spans[0]?.bytes ?? new Uint8Array())).not.toContain("parentSpanId");
  });

  it("links with invalid ids are dropped, the others stay (69)", () => {
    const good = field(13, field(1, Buffer.alloc(16, 3)), field(2, Buffer.alloc(8, 3)));
    const walked = spanWith(
      field(13, field(1, Buffer.alloc(16, 3))),
      good,
      field(13, field(1, Buffer.alloc(3, 1)), field(2, Buffer.alloc(8, 1))),
    );
    expect(onlySpan(walked).links).toHaveLength(1);
    expect(walked.warnings.droppedLinks).toBe(2);
    const bytes = walked.groups[0]?.spans[0]?.bytes ?? new Uint8Array();
    expect(Buffer.from(bytes)).toEqual(Buffer.concat([sampleIds, good]));
  });

  it("profile-only index forms become empty values (72)", () => {
    const walked = spanWith(
      field(9, field(1, "a"), field(2, Buffer.from([0x40, 7]))),
      field(9, Buffer.from([0x18, 9]), field(2, field(1, "x"))),
    );
    expect(onlySpan(walked).attributes).toEqual(
      new Map([
        ["a", null],
        ["", null],
      ]),
    );
    expect(walked.warnings.indexedValues).toBe(2);
  });

  it("unknown fields stay in the bytes of a span that must be written again (35)", () => {
    const unknown = Buffer.concat([varint((9999 << 3) | 2), Buffer.from([1, 0x2a])]);
    const walked = spanWith(parent(1), unknown, attribute("k", "v"));
    expect(Buffer.from(walked.groups[0]?.spans[0]?.bytes ?? [])).toEqual(
      Buffer.concat([sampleIds, unknown, attribute("k", "v")]),
    );
  });
});

describe("secret attributes", () => {
  const masking = {
    isSecretKey: (bytes: Uint8Array, start: number, end: number) =>
      Buffer.from(bytes.subarray(start, end)).toString().endsWith("password"),
    mayHoldSecrets: (bytes: Uint8Array, start: number) => bytes[start] === 0x7b,
    maskText: (key: string, text: string) => (key === "args" ? text.replace("hunter2", "é[masked]") : text),
  };

  it("are masked on resource, scope, span, event and link, and inside key-value lists", () => {
    const secret = (number: number) => field(number, field(1, "db.password"), field(2, field(1, "hunter2")));
    const list = field(
      9,
      field(1, "args"),
      field(2, field(6, field(1, field(1, "password"), field(2, field(5, field(1, field(1, "hunter2"))))))),
    );
    const bytes = field(
      1,
      field(1, secret(1)),
      field(
        2,
        field(1, secret(3)),
        field(
          2,
          sampleIds,
          secret(9),
          list,
          attribute("kept", "password"),
          field(11, secret(3)),
          field(13, field(1, Buffer.alloc(16, 3)), field(2, Buffer.alloc(8, 3)), secret(4)),
        ),
      ),
    );
    const walked = walkExportRequest(bytes, { masking });
    if (walked.outcome !== "walked") throw new Error(walked.reason);
    const group = walked.groups[0];
    if (group === undefined) throw new Error("no group");
    const resource = decodeResource(group.resourceBytes, "");
    const scope = decodeScope(group.scopeBytes, "");
    const span = decodeSpan(group.spans[0]?.bytes ?? new Uint8Array(), resource, scope);
    const masked = new Map([["db.password", "[masked]"]]);
    expect([resource.attributes, scope.attributes, span.events[0]?.attributes, span.links[0]?.attributes]).toEqual([
      masked,
      masked,
      masked,
      masked,
    ]);
    expect(span.attributes).toEqual(
      new Map<string, unknown>([
        ["db.password", "[masked]"],
        ["args", new Map([["password", "[masked]"]])],
        ["kept", "password"],
      ]),
    );
    for (const published of [group.resourceBytes, group.scopeBytes, group.spans[0]?.bytes ?? new Uint8Array()]) {
      expect(Buffer.from(published).includes("hunter2")).toBe(false);
    }
  });

  it("are masked inside texts, lists of texts included, by the key they stand under", () => {
    const list = field(
      9,
      field(1, "args"),
      field(2, field(5, field(1, field(1, "{hunter2}")), field(1, field(1, "x")))),
    );
    const bytes = requestAround(
      Buffer.concat([sampleIds, attribute("args", "{hunter2}"), list, attribute("other", "{hunter2}")]),
    );
    const walked = walkExportRequest(bytes, { masking });
    if (walked.outcome !== "walked") throw new Error(walked.reason);
    expect(Buffer.from(walked.groups[0]?.spans[0]?.bytes ?? [])).toEqual(
      Buffer.concat([
        sampleIds,
        attribute("args", "{é[masked]}"),
        field(9, field(1, "args"), field(2, field(5, field(1, field(1, "{é[masked]}")), field(1, field(1, "x"))))),
        attribute("other", "{hunter2}"),
      ]),
    );
  });

  it("are masked in log records that came to the trace path", () => {
    const log = Buffer.concat([
      Buffer.from([0x09, 1, 2, 3, 4, 5, 6, 7, 8]),
      field(6, field(1, "password"), field(2, field(1, "hunter2"))),
    ]);
    const walked = walkExportRequest(requestAround(log), { masking });
    if (walked.outcome !== "walked") throw new Error(walked.reason);
    const rejected = walked.groups[0]?.rejected[0];
    expect([rejected?.reason, Buffer.from(rejected?.bytes ?? []).toString()]).toEqual([
      "no_ids",
      expect.stringMatching(/password[\s\S]*\[masked\]$/),
    ]);
  });

  it("are masked in spans that are rejected", () => {
    const bytes = requestAround(Buffer.concat([field(1, Buffer.alloc(3, 1)), attribute("password", "hunter2")]));
    const walked = walkExportRequest(bytes, { masking });
    if (walked.outcome !== "walked") throw new Error(walked.reason);
    expect(Buffer.from(walked.groups[0]?.rejected[0]?.bytes ?? []).includes("hunter2")).toBe(false);
  });
});

describe("walkExportRequestInSlices", () => {
  it("gives what the walk gives, and lets others run in between", async () => {
    const bytes = field(1, field(2, ...Array.from({ length: 50_000 }, () => field(2, sampleIds))));
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    const sliced = await walkExportRequestInSlices(bytes, { sliceMsMax: 1 });
    clearInterval(timer);
    expect(sliced).toEqual(walkExportRequest(bytes));
    expect(turns).toBeGreaterThan(0);
  });
});

describe("requests that would cost many times their bytes", () => {
  it.each([
    ["empty spans", field(1, field(2, Buffer.alloc(4_000_000, Buffer.from([0x12, 0]))))],
    ["empty envelopes", Buffer.alloc(4_000_000, Buffer.from([0x0a, 0]))],
    ["empty scopes", field(1, Buffer.alloc(4_000_000, Buffer.from([0x12, 0])))],
  ])("%s are too large", (_, bytes) => {
    expect(walkExportRequest(bytes)).toMatchObject({ outcome: "too_large" });
  });

  it("a span of too many fields is rejected alone, also when it would have to be written again", () => {
    const secret = attribute("password", "x");
    const events = Buffer.alloc(8_000_000, Buffer.from([0x5a, 0]));
    const masking = {
      isSecretKey: () => true,
      mayHoldSecrets: () => false,
      maskText: (_: string, text: string) => text,
    };
    const bytes = field(1, field(2, field(2, sampleIds, secret, events), field(2, sampleIds)));
    const walked = walkExportRequest(bytes, { masking });
    if (walked.outcome !== "walked") throw new Error(walked.reason);
    expect(walked.groups[0]?.rejected.map((each) => each.reason)).toEqual(["too_many_fields"]);
    expect(walked.groups[0]?.spans).toHaveLength(1);
  });

  it("a resource of too many fields is too large", () => {
    const bytes = field(1, field(1, Buffer.alloc(6_000_000, Buffer.from([0x0a, 0]))));
    expect(walkExportRequest(bytes)).toMatchObject({ outcome: "too_large" });
  });
});

describe("any bytes", () => {
  const runs = Number(process.env["NONET_FUZZ_RUNS"] ?? 5_000);
  it(
    "are walked or refused, never more (84)",
    () => {
      const random = seededRandom(seed.seed);
      const bases = fc.sample(validRequest, { seed: seed.seed, numRuns: 50 }).map(encodeRequest);
      for (let run = 0; run < runs; run++) {
        const base = bases[run % bases.length] as Buffer;
        const mutated = mutate(base, random);
        const walked = walkExportRequest(mutated);
        if (walked.outcome !== "walked") continue;
        for (const group of walked.groups) {
          decodeResource(group.resourceBytes, "");
          decodeScope(group.scopeBytes, "");
          for (const span of group.spans) {
            decodeSpan(span.bytes, noResource, noScope);
            JSON.parse(spanToJson(span.bytes));
          }
        }
      }
    },
    60_000 + runs * 10,
  );
});

function mutate(base: Buffer, random: () => number): Buffer {
  const bytes = Buffer.from(base);
  const changes = 1 + Math.floor(random() * 4);
  for (let change = 0; change < changes && bytes.length > 0; change++) {
    bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
  }
  if (random() < 0.2) return bytes.subarray(0, Math.floor(random() * bytes.length));
  if (random() < 0.2) return Buffer.concat([bytes, bytes.subarray(Math.floor(random() * bytes.length))]);
  return bytes;
}
