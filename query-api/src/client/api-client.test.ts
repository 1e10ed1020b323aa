import { expect, expectTypeOf, it } from "vitest";
import { type ApiSchema, createApiClient } from "./api-client.ts";

/** Answers every request with `body` and remembers it. */
function record(body: unknown, status = 200): { requests: Request[]; fetch(request: Request): Promise<Response> } {
  const requests: Request[] = [];
  return {
    requests,
    async fetch(request) {
      requests.push(request);
      return Response.json(body, { status });
    },
  };
}

it("writes lists with commas and ids as one segment, and sends the token", async () => {
  const { requests, fetch } = record({ data: [] });
  const client = createApiClient({ url: "http://api.test/prefix", token: "sk_test_1", fetch });
  const { data } = await client.GET("/api/projects/{projectId}/sessions/{sessionId}/traces", {
    params: { path: { projectId: "p", sessionId: "a/b ü" }, query: { eventType: ["llm_call", "error"], limit: 5 } },
  });
  expect(requests[0]?.url).toBe(
    "http://api.test/prefix/api/projects/p/sessions/a%2Fb%20%C3%BC/traces?eventType=llm_call,error&limit=5",
  );
  expect(requests[0]?.headers.get("authorization")).toBe("Bearer sk_test_1");
  expect(data).toEqual({ data: [] });
});

it("knows the shapes of answers, and of problems", async () => {
  const { fetch } = record({ code: "NOT_FOUND" }, 404);
  const client = createApiClient({ url: "http://api.test", fetch });
  const { data, error } = await client.GET("/api/projects/{projectId}/sessions/{sessionId}", {
    params: { path: { projectId: "p", sessionId: "s" } },
  });
  expectTypeOf(data).toExtend<ApiSchema<"SessionDetail"> | undefined>();
  expectTypeOf(error?.code).toExtend<ApiSchema<"Problem">["code"] | undefined>();
  expect(data).toBeUndefined();
  expect(error?.code).toBe("NOT_FOUND");
});

it("refuses what no operation takes", async () => {
  const { fetch } = record({});
  const client = createApiClient({ url: "http://api.test", fetch });
  const path = { projectId: "p", sessionId: "s" };
  const route = "/api/projects/{projectId}/sessions/{sessionId}/traces";
  // @ts-expect-error no such event type
  await client.GET(route, { params: { path, query: { eventType: ["llm"] } } });
  // @ts-expect-error no such path
  await client.GET("/api/projects/{projectId}/session", { params: { path } });
});
