/** The query parameters of this API. Source: tenant-traces.md sections 3 and 4. */
import { z } from "zod";
import { filterText, list, type SingleParameter, single, timeText } from "../http/parameters.ts";
import { traceStatuses } from "./trace-status.ts";

export const perPageDefault = 20;
const perPageMax = 100;
/** The last item that a page number can reach: beyond it, cursors and ranges of time. */
export const itemsMax = 10_000;
const searchCharactersMax = 200;

const searchText: z.ZodType<string, string> = z
  .string()
  .transform((text, context) => {
    const trimmed = text.trim();
    if ([...trimmed].length <= searchCharactersMax) return trimmed;
    context.addIssue({
      code: "too_big",
      origin: "string",
      maximum: searchCharactersMax,
      inclusive: true,
      message: `more than ${searchCharactersMax} characters`,
    });
    return z.NEVER;
  })
  .meta({ override: { type: "string" } });

export const listParameters = {
  page: integer(
    { min: 1, max: itemsMax },
    { description: "Page, from 1; default 1.", mustBe: "an integer of at least 1" },
  ),
  per_page: integer(
    { min: 1, max: perPageMax },
    {
      description: `Traces on a page; default ${perPageDefault}, at most ${perPageMax}. \`page\` × \`per_page\` is at most ${itemsMax}.`,
      mustBe: `an integer from 1 to ${perPageMax}`,
    },
  ),
  search: single(searchText, {
    description: "Part of the prompt name or of a model, in any case; no wildcards. Blank: no filter.",
  }),
  cursor: single(z.string(), { description: "`next_cursor` of the page before; not together with `page`." }),
  status: list(z.enum(traceStatuses), { description: "Trace statuses.", noun: "a trace status" }),
  model: list(filterText, { description: "Request or response models of any call, exact." }),
  prompt: list(filterText, { description: "Prompt names, exact." }),
  tag: list(filterText, { description: "Tags, exact; any of them." }),
  session_id: list(filterText, { description: "Sessions that an event of the trace lies in." }),
  from: single(timeText, { description: "Earliest `createdAt`, inclusive." }),
  to: single(timeText, { description: "Latest `createdAt`, exclusive." }),
};

export const detailParameters = {
  include: list(z.enum(["events"]), {
    description: "`events`: the trace's events, as the session traces API gives them.",
    noun: "something to include",
  }),
};

function integer(
  range: { readonly min: number; readonly max: number },
  described: { readonly description: string; readonly mustBe: string },
): SingleParameter<number> {
  const schema = z
    .string()
    .regex(/^-?\d+$/)
    .transform(Number)
    .pipe(z.number().min(range.min).max(range.max))
    .meta({ override: { type: "integer", minimum: range.min, maximum: range.max } });
  return single(schema, described);
}
