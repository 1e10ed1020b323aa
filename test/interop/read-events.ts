/** Model calls and tool calls of sessions, as the API shows them. */
import type { ShapeUnderTest } from "../e2e/shape-under-test.ts";

export interface ShownEvent {
  readonly type: string;
  readonly spanId: string;
  readonly traceId: string;
}

interface Page {
  readonly data: readonly ShownEvent[];
  readonly page: { readonly nextCursor: string | null };
}

export async function readSessionEvents(
  shape: Pick<ShapeUnderTest, "get">,
  sessionIds: readonly string[],
): Promise<ShownEvent[]> {
  const events: ShownEvent[] = [];
  for (const sessionId of sessionIds) {
    let cursor: string | null = null;
    do {
      const after: string = cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`;
      const path = `/api/projects/default/sessions/${sessionId}/traces?eventType=llm_call,tool_call&limit=1000${after}`;
      const { status, body } = await shape.get(path);
      // A session of which nothing arrived.
      if (status === 404) break;
      if (status !== 200) throw new Error(`${path}: ${status} ${JSON.stringify(body)}`);
      // `as`: the API's own tests check its answers.
      const page = body as Page;
      events.push(...page.data);
      cursor = page.page.nextCursor;
    } while (cursor !== null);
  }
  return events;
}
