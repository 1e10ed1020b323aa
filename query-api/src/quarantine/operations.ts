/** The quarantine of a project: list, read, replay. Ours; in the style of the session traces API. Source: contracts/README.md section 3. */
import {
  type QuarantineStore,
  quarantineKinds,
  quarantineStates,
  type ReplaySelection,
} from "@nonet/proto/control/quarantine.ts";
import { z } from "zod";
import { jsonAnswer, problemAnswer } from "../http/answer.ts";
import { type Operation, operation } from "../http/operation.ts";
import { integerText, single } from "../http/parameters.ts";
import { notFound } from "../http/problem.ts";
import { entryDetailSchema, entrySchema, toEntry, toEntryDetail } from "./entry-shape.ts";

export const quarantineBasePath = "/api/projects/:projectId/quarantine";

export interface QuarantineDeps {
  readonly quarantine: QuarantineStore;
}

export function quarantineOperations(deps: QuarantineDeps): Operation[] {
  // `/replay` before the path with an id in its place.
  return [listOperation(deps), replayOperation(deps), entryOperation(deps)];
}

const limitDefault = 50;
const replayIdsMax = 1_000;

const listSchema = z
  .strictObject({
    data: z.array(entrySchema),
    reasons: z.array(z.strictObject({ reason: z.string(), count: z.int() })).describe("Of the whole quarantine."),
    page: z.strictObject({
      limit: z.int(),
      count: z.int(),
      total: z.null(),
      hasMore: z.boolean(),
      nextCursor: z.string().nullable(),
    }),
  })
  .meta({ id: "Quarantine" });

const reasonText = z.string().regex(/^[a-z0-9_]{1,64}$/, "not a reason such as invalid_trace_id");

function listOperation({ quarantine }: QuarantineDeps): Operation {
  return operation({
    operationId: "listQuarantine",
    path: "/",
    summary: "What was received and not stored",
    description:
      "Spans that were rejected in partial success and records that were dead-lettered, newest first, for as long as the quarantine has room for them.",
    pathParameters: {},
    parameters: {
      reason: single(reasonText, { description: "Entries with this reason." }),
      kind: single(z.enum(quarantineKinds), { description: "Rejected spans or dead letters.", noun: "a kind" }),
      state: single(z.enum(quarantineStates), { description: "Entries in this state.", noun: "a state" }),
      limit: single(integerText(1, 500), { description: `Entries; default ${limitDefault}.` }),
      cursor: single(z.string(), { description: "`page.nextCursor` of the page before." }),
    },
    scopeOf: () => "traces:read",
    conflicts: () => [],
    mediaTypes: () => ["application/json"],
    responses: { "application/json": listSchema },
    problemStatuses: [400],
    async handle({ projectId, values, after, cursorAfter, mayReadContent }) {
      const limit = values.limit ?? limitDefault;
      const { reason, kind, state } = values;
      const filter = { reason, kind, state, beforeId: after?.[0] };
      const found = await quarantine.list(projectId, filter, limit + 1);
      const entries = found.slice(0, limit);
      const last = entries.at(-1);
      const hasMore = found.length > limit;
      const nextCursor = hasMore && last !== undefined ? cursorAfter([last.id]) : null;
      const body = {
        data: entries.map(toEntry),
        reasons: await quarantine.countByReason(projectId),
        page: { limit, count: entries.length, total: null, hasMore, nextCursor },
      };
      return jsonAnswer(JSON.stringify(body), { nextCursor, mayReadContent });
    },
  });
}

function entryOperation({ quarantine }: QuarantineDeps): Operation {
  return operation({
    operationId: "getQuarantineEntry",
    path: "/:entryId",
    summary: "One entry of the quarantine with its bytes",
    description: "The bytes are masked like stored data, and cut at a limit. They need the scope `traces:content`.",
    pathParameters: {},
    parameters: {},
    scopeOf: () => "traces:read",
    conflicts: () => [],
    mediaTypes: () => ["application/json"],
    responses: { "application/json": entryDetailSchema },
    problemStatuses: [],
    async handle({ projectId, path, mayReadContent }) {
      const entry = await quarantine.get(projectId, path["entryId"] ?? "");
      if (entry === undefined) return problemAnswer(notFound);
      return jsonAnswer(JSON.stringify(toEntryDetail(entry, mayReadContent)), { mayReadContent });
    },
  });
}

const replaySchema = z.union(
  [
    z.strictObject({ ids: z.array(z.string().max(64)).min(1).max(replayIdsMax) }),
    z.strictObject({ reason: reasonText }),
  ],
  { error: `The body is {"ids": [...]} with 1 to ${replayIdsMax} ids, or {"reason": "..."}.` },
);

const replayAnswerSchema = z
  .strictObject({
    requested: z.int().describe("Entries that will be sent through the log again; their `state` tells how it went."),
    notReplayable: z.int().describe("Entries whose bytes are not whole."),
  })
  .meta({ id: "QuarantineReplay" });

function replayOperation({ quarantine }: QuarantineDeps): Operation {
  return operation({
    operationId: "replayQuarantine",
    path: "/replay",
    summary: "Send entries through the log again",
    description:
      "After a fix. Entries by id, or all with a reason; only what is `held`. An ingest process takes them within seconds, and the normal path decides anew.",
    pathParameters: {},
    parameters: {},
    body: replaySchema,
    scopeOf: () => "ingest:write",
    conflicts: () => [],
    mediaTypes: () => ["application/json"],
    responses: { "application/json": replayAnswerSchema },
    problemStatuses: [],
    async handle({ projectId, body }) {
      // `as`: `answerOperation` hands over what came out of `body` of this description.
      const outcome = await quarantine.requestReplay(projectId, body as ReplaySelection);
      return { kind: "accepted", text: JSON.stringify(outcome) };
    },
  });
}
