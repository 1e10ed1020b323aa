/** What a deployment of Nonet looks like to a test: where to send, where to read, and how soon. */
export interface ShapeUnderTest {
  readonly name: string;
  readonly grpcUrl: string;
  readonly httpUrl: string;
  readonly apiUrl: string;
  readonly apiKey: string;
  /** From the ack of a span until a read must show it. */
  readonly freshMs: number;
  get(path: string): Promise<{ status: number; body: unknown; headers: Headers }>;
  close(): Promise<void>;
}

export function createReader(apiUrl: string, apiKey: string): ShapeUnderTest["get"] {
  return async (path) => {
    const response = await fetch(apiUrl + path, { headers: { authorization: `Bearer ${apiKey}` } });
    return { status: response.status, body: await response.json(), headers: response.headers };
  };
}
