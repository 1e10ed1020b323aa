/** The events of the live streams, each as an object of its fields: they document the streams in /openapi.json, and tests hold events to them. */
import { z } from "zod";
import {
  sessionSchema,
  spanNodeSchema,
  timestamp,
  traceEventSchema,
  turnSchema,
} from "../session-traces/response-schemas.ts";

const count = z.int().min(0);
const id = z.string().meta({ description: "Send it back as `Last-Event-ID` to go on after this event." });
const nano = z.string().regex(/^\d+$/).meta({ description: "Nanoseconds since 1970, decimal." });
const serverTime = timestamp.meta({ description: "When the event was made, by the server's clock." });

const endEvent = z
  .strictObject({
    event: z.literal("end"),
    data: z.strictObject({ serverTime, reason: z.enum(["closing", "key_revoked", "unavailable", "failed"]) }),
  })
  .meta({ id: "LiveEndEvent", description: "The server ends the stream, and `retry` says how soon to come back." });

const resetReason = z.enum(["unknown_id", "expired_id", "feed_lost"]);

export const projectEventSchema = z
  .union([
    z
      .strictObject({ event: z.literal("ready"), id: id.optional(), data: z.strictObject({ serverTime }) })
      .meta({ id: "LiveReadyEvent", description: "From here on no change is missed." }),
    z
      .strictObject({
        event: z.literal("change"),
        id: id.optional(),
        data: z.strictObject({
          serverTime,
          sessionId: z.string(),
          traces: z.array(z.strictObject({ traceId: z.string(), version: z.string().regex(/^\d+$/) })).meta({
            description: "Those that changed. A version only grows while a trace changes.",
          }),
          session: sessionSchema.nullable().meta({ description: "As in the list; null when it has no span any more." }),
        }),
      })
      .meta({ id: "LiveChangeEvent" }),
    z
      .strictObject({
        event: z.literal("reset"),
        id: id.optional(),
        data: z.strictObject({ serverTime, reason: resetReason }),
      })
      .meta({ id: "LiveProjectResetEvent", description: "Changes may be missing here: read again what you show." }),
    endEvent,
  ])
  .meta({ id: "LiveProjectEvent" });

const place = {
  nodeId: z.string().meta({
    description:
      "`<trace id>:<span id>` of what stands for a span, else the event's id; a placeholder has that of the span to come.",
  }),
  parentNodeId: z.string().nullable(),
  turnId: z.string().nullable(),
  index: count.meta({ description: "Among the children of its parent, or among the tops of its turn." }),
};

const { children: _, ...spanMembers } = spanNodeSchema.shape;

const liveNodeSchema = z
  .union([
    z.strictObject({ ...place, kind: z.literal("event"), matched: z.boolean(), event: traceEventSchema }),
    z.strictObject({ ...place, ...spanMembers }),
    z
      .strictObject({
        ...place,
        kind: z.literal("placeholder"),
        spanId: z.string(),
        traceId: z.string(),
        startTimeUnixNano: nano,
      })
      .meta({
        description: "A parent that was not received: it runs, or its span was lost. It began at the latest then.",
      }),
  ])
  .meta({ id: "LiveNode" });

const sessionHead = {
  serverTime,
  session: sessionSchema.nullable().meta({ description: "Null when it has no span any more." }),
  running: z
    .strictObject({
      nodeId: z.string(),
      startedAt: timestamp,
      startTimeUnixNano: nano,
      openCount: count.meta({ description: "Nodes without an end." }),
      lastReceivedAt: timestamp,
      stuck: z.boolean().meta({ description: "Nothing was received for `NONET_LIVE_STUCK_SECONDS`." }),
    })
    .nullable()
    .meta({ description: "The oldest node without an end. Count `serverTime - startedAt` on." }),
  omittedTraces: count.meta({ description: "Older or too large traces, of which no node is told." }),
};

export const sessionEventSchema = z
  .union([
    z
      .strictObject({
        event: z.literal("snapshot"),
        id,
        data: z.strictObject({ ...sessionHead, turns: z.array(turnSchema), nodes: z.array(liveNodeSchema) }),
      })
      .meta({ id: "LiveSnapshotEvent", description: "Everything; takes the place of all that was told before." }),
    z
      .strictObject({
        event: z.literal("changes"),
        id,
        data: z.strictObject({
          ...sessionHead,
          turns: z.array(turnSchema).optional().meta({ description: "All of them, when any has changed." }),
          changed: z.array(liveNodeSchema).meta({ description: "New or other, by `nodeId`." }),
          removed: z.array(z.string()).meta({ description: "Node ids." }),
        }),
      })
      .meta({ id: "LiveChangesEvent" }),
    z
      .strictObject({ event: z.literal("status"), id, data: z.strictObject(sessionHead) })
      .meta({ id: "LiveStatusEvent", description: "The tree is as it was." }),
    z
      .strictObject({ event: z.literal("reset"), data: z.strictObject({ serverTime, reason: resetReason }) })
      .meta({ id: "LiveSessionResetEvent", description: "A snapshot follows." }),
    endEvent,
  ])
  .meta({ id: "LiveSessionEvent" });
