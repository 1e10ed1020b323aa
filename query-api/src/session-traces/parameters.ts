/** The query parameters of this API. Source: session-traces.md 2.4 and the tables of sections 3, 5, 6, 7. */
import { decisionKinds, eventTypes } from "@nonet/proto/event.ts";
import { z } from "zod";
import { amountText, booleanText, filterText, integerText, list, single, timeText } from "../http/parameters.ts";
import { contentModes } from "./content.ts";
import { sessionStatuses } from "./session-status.ts";
import { treeStructures } from "./tree-view.ts";

const eventType = list(z.enum(eventTypes), { description: "Event types; default all nine.", noun: "an event type" });

const decisionKind = list(z.string().regex(/^[a-z0-9_]{1,64}$/, "not a decision kind"), {
  description: `Kinds of decision (${decisionKinds.join(", ")}); only \`decision\` events match.`,
});

const agent = list(filterText, { description: "Agent names, exact." });

const eventStatus = list(z.enum(["ok", "error", "unset"]), { description: "Event statuses.", noun: "an event status" });

const traceId = z
  .string()
  .regex(/^[0-9a-fA-F]{32}$/, "not a trace id of 32 hex digits")
  .transform((text) => text.toLowerCase())
  .meta({ override: { type: "string", pattern: "^[0-9a-fA-F]{32}$" } });

const content = single(z.enum(contentModes), {
  description:
    "How much of messages, arguments and results to give: `full` (default), `preview` (1,024 characters) or `none`.",
  noun: "a content mode",
});

const cursor = single(z.string(), { description: "`page.nextCursor` of the page before." });

const from = single(timeText, { description: "Earliest event time, inclusive." });
const to = single(timeText, { description: "Latest event time, exclusive." });

export const tracesParameters = {
  eventType,
  decisionKind,
  from,
  to,
  turn: list(z.string().regex(/^(?:\d{1,9}|[0-9a-f]{32}(?::[0-9a-f]{16})?)$/, "not a turn index or turn id"), {
    description: "Turn indexes or turn ids.",
  }),
  agent,
  name: list(filterText, { description: "Event names, exact." }),
  status: eventStatus,
  traceId: list(traceId, { description: "Trace ids." }),
  minDurationMs: single(amountText, { description: "Shortest duration; events without one never match." }),
  view: single(z.enum(["flat", "tree"]), { description: "`flat` (default) or `tree`.", noun: "a view" }),
  structure: single(z.enum(treeStructures), {
    description: "Tree only: `omit` structural spans, keep those above an event (`ancestors`, default), or `all`.",
    noun: "a structure",
  }),
  order: single(z.enum(["asc", "desc"]), { description: "Flat only: `asc` (default) or `desc`.", noun: "an order" }),
  include: list(z.enum(["metrics", "attributes"]), {
    description: "`metrics` of the whole session; `attributes` of each event's span.",
    noun: "something to include",
  }),
  content,
  limit: single(integerText(1, 5000), {
    description: "Flat: events, default 1000, at most 5000. Tree: turns, default 100, at most 500.",
  }),
  cursor,
};

const ownTraceId = single(traceId, { description: "Needed when the span id occurs in two traces of the session." });

export const childrenParameters = {
  depth: single(
    z
      .string()
      .regex(/^(?:all|\d{1,9})$/, "not a whole number and not `all`")
      .transform((text, context) => {
        const depth = text === "all" ? Number.POSITIVE_INFINITY : Number(text);
        if (depth < 1) {
          context.addIssue({ code: "too_small", origin: "number", minimum: 1, input: text, message: "less than 1" });
        } else if (depth > 100 && depth !== Number.POSITIVE_INFINITY) {
          context.addIssue({ code: "too_big", origin: "number", maximum: 100, input: text, message: "more than 100" });
        }
        return depth;
      })
      .meta({ override: { oneOf: [{ type: "integer", minimum: 1, maximum: 100 }, { const: "all" }] } }),
    { description: "Levels of spans below, 1 to 100, or `all`; default 1." },
  ),
  traceId: ownTraceId,
  eventType,
  decisionKind,
  content,
  include: list(z.enum(["attributes"]), {
    description: "`attributes` of each event's span.",
    noun: "something to include",
  }),
  limit: single(integerText(1, 5000), { description: "Events; default 1000." }),
  cursor,
};

export const explainParameters = { traceId: ownTraceId };

export const sessionListParameters = {
  status: list(z.enum(sessionStatuses), {
    description: "Session statuses; default all but `archived`.",
    noun: "a session status",
  }),
  agent: list(filterText, { description: "Agent names; any agent of the session." }),
  environment: list(filterText, { description: "Environments, exact." }),
  channel: list(filterText, { description: "Channels, exact." }),
  userId: list(filterText, { description: "User ids, exact." }),
  model: list(filterText, { description: "Request or response models of any call, exact." }),
  tag: list(filterText, { description: "Tags, exact." }),
  from: single(timeText, { description: "Earliest `startedAt`, inclusive." }),
  to: single(timeText, { description: "Latest `startedAt`, exclusive." }),
  activeFrom: single(timeText, { description: "Earliest `lastActivityAt`, inclusive." }),
  activeTo: single(timeText, { description: "Latest `lastActivityAt`, exclusive." }),
  hasErrors: single(booleanText, { description: "Whether any error counts." }),
  q: single(
    z
      .string()
      .refine((text) => [...text].length >= 1 && [...text].length <= 200, { message: "not 1 to 200 characters" })
      .meta({ override: { type: "string", minLength: 1, maxLength: 200 } }),
    { description: "Part of the id, the user id or an agent name, in any case." },
  ),
  sort: single(z.enum(["startedAt", "-startedAt", "lastActivityAt", "-lastActivityAt"]), {
    description: "Order; default `-startedAt`. Ties by id.",
    noun: "an order",
  }),
  include: list(z.enum(["total"]), { description: "`total` fills `page.total`.", noun: "something to include" }),
  limit: single(integerText(1, 200), { description: "Sessions; default 50." }),
  cursor,
};
