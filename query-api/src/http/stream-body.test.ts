import { createServer, get, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { createBrotliDecompress, createGunzip } from "node:zlib";
import express, { type Response } from "express";
import { describe, expect, it } from "vitest";
import { createStreamBody } from "./stream-body.ts";

/** One request to a server that answers it with `handle`. */
async function request(
  encoding: string,
  handle: (response: Response) => Promise<void>,
): Promise<{ incoming: IncomingMessage; text: NodeJS.ReadableStream } & AsyncDisposable> {
  const app = express();
  app.get("/", async (_request, response) => {
    if (encoding !== "identity") response.setHeader("Content-Encoding", encoding);
    await handle(response);
  });
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const incoming = await new Promise<IncomingMessage>((resolve, reject) => {
    get({ host: "127.0.0.1", port }, resolve).on("error", reject);
  });
  const decoder: Duplex | undefined =
    encoding === "gzip" ? createGunzip() : encoding === "br" ? createBrotliDecompress() : undefined;
  return {
    incoming,
    text: (decoder === undefined ? incoming : incoming.pipe(decoder)).setEncoding("utf8"),
    async [Symbol.asyncDispose]() {
      incoming.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describe.each(["identity", "gzip", "br"])("a body that is encoded as %s", (encoding) => {
  it("can be read up to its last piece while more is to come", async () => {
    const read = Promise.withResolvers<void>();
    await using answer = await request(encoding, async (response) => {
      const body = createStreamBody(response);
      await body.write("first\n");
      await read.promise;
      await body.write("second\n");
      body.end({ "X-Export-Rows": "2" });
    });
    let seen = "";
    for await (const chunk of answer.text) {
      seen += chunk;
      if (seen === "first\n") read.resolve();
    }
    expect(seen).toBe("first\nsecond\n");
    expect(answer.incoming.trailers["x-export-rows"]).toBe("2");
  });

  it("waits for a reader that does not read, and ends when it goes", async () => {
    let written = 0;
    const gone = Promise.withResolvers<void>();
    const full = Promise.withResolvers<void>();
    await using answer = await request(encoding, async (response) => {
      const body = createStreamBody(response);
      while (!body.gone) {
        // Text that no encoder makes small.
        const text = Array.from({ length: 1000 }, () => Math.random().toString(36)).join("");
        const wait = body.write(text);
        written += text.length;
        if (written > 64 * 1024 * 1024) throw new Error("nothing waits");
        if (wait !== undefined) full.resolve();
        await wait;
      }
      gone.resolve();
    });
    await full.promise;
    answer.incoming.destroy();
    await gone.promise;
    expect(written).toBeGreaterThan(0);
  });
});
