/** Posts to the receiver under test. */
import type { TestReceiver } from "./start-test-receiver.ts";

export const mediaTypes = { protobuf: "application/x-protobuf", json: "application/json" } as const;

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
  readonly text: string;
}

export async function post(
  test: Pick<TestReceiver, "httpUrl">,
  body: NonNullable<RequestInit["body"]>,
  headers: Record<string, string> = {},
  method = "POST",
): Promise<HttpAnswer> {
  const response = await fetch(test.httpUrl, {
    method,
    headers: { "content-type": mediaTypes.protobuf, ...headers },
    ...(method === "GET" || method === "HEAD" ? {} : { body }),
  });
  const bytes = Buffer.from(await response.arrayBuffer());
  return { status: response.status, headers: response.headers, body: bytes, text: bytes.toString() };
}

export function postJson(
  test: Pick<TestReceiver, "httpUrl">,
  body: string | Buffer<ArrayBuffer>,
  headers: Record<string, string> = {},
): Promise<HttpAnswer> {
  return post(test, body, { "content-type": mediaTypes.json, ...headers });
}
