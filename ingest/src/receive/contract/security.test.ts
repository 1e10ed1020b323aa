/** otlp-receiver.md section 8 and rules 3, 85. Numbers are those of its rules. */

import { once } from "node:events";
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import http2 from "node:http2";
import { request as httpsRequest } from "node:https";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as tlsConnect } from "node:tls";
import { gzipSync } from "node:zlib";
import { PipelineError } from "@nonet/proto/errors.ts";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { post, postJson } from "./http-client.ts";
import { connectGrpc, exportPath, frame, readResult } from "./raw-clients.ts";
import { attributeField, referenceJson, referenceRequest, requestOf, spanBytes } from "./requests.ts";
import { startTestReceiver } from "./start-test-receiver.ts";

// Sockets and processes of other tests share this machine.
vi.setConfig({ testTimeout: 30_000 });

const testdata = join(import.meta.dirname, "testdata");
const file = (name: string) => join(testdata, name);
const pem = (name: string) => readFileSync(file(name));

describe("86, 87: authentication", () => {
  async function start() {
    const test = await startTestReceiver();
    test.keys.set("good", { tenantId: "acme", projectId: "p1" });
    test.keys.set("reader", "forbidden");
    return test;
  }

  it.each([
    [{ authorization: "Bearer good" }],
    [{ authorization: "bearer good" }],
    [{ "x-api-key": "good" }],
    [{ authorization: "Basic Z29vZA==", "x-api-key": "good" }],
  ])("%o is let in, and decides tenant and project", async (headers: Record<string, string>) => {
    await using test = await start();
    await using grpc = await connectGrpc(test.grpcPort);
    expect((await post(test, referenceRequest, headers)).status).toBe(200);
    expect((await grpc.send(referenceRequest, headers)).status).toBe(0);
    expect(test.published.map((span) => span.sender)).toEqual(Array(2).fill({ tenantId: "acme", projectId: "p1" }));
  });

  it.each([[{}], [{ authorization: "Bearer unknown" }], [{ authorization: "good" }], [{ "x-api-key": "" }]])(
    "%o is refused before the body is decompressed or decoded",
    async (headers: Record<string, string>) => {
      await using test = await start();
      await using grpc = await connectGrpc(test.grpcPort);
      const notGzip = Buffer.from("not gzip at all");
      const answer = await postJson(test, notGzip, { ...headers, "content-encoding": "gzip" });
      expect([answer.status, answer.headers.get("www-authenticate")]).toEqual([401, 'Bearer realm="nonet"']);
      expect(JSON.parse(answer.text)).toMatchObject({ code: 16 });
      const result = await grpc.call({ headers: { ...headers, "grpc-encoding": "gzip" }, pieces: [frame(notGzip, 1)] });
      expect(result.status).toBe(16);
      expect(result.details.includes("RetryInfo")).toBe(false);
    },
  );

  it("a key without the scope is 403 and PERMISSION_DENIED", async () => {
    await using test = await start();
    await using grpc = await connectGrpc(test.grpcPort);
    expect((await post(test, referenceRequest, { authorization: "Bearer reader" })).status).toBe(403);
    expect((await grpc.send(referenceRequest, { authorization: "Bearer reader" })).status).toBe(7);
  });

  it("the directory being away is retryable", async () => {
    await using test = await start();
    await using grpc = await connectGrpc(test.grpcPort);
    test.authenticationError = new PipelineError("CONTROL_UNAVAILABLE", "x");
    expect((await post(test, referenceRequest, { authorization: "Bearer good" })).status).toBe(503);
    expect((await grpc.send(referenceRequest, { authorization: "Bearer good" })).status).toBe(14);
  });

  it("90: nothing else names a tenant or project, and headers are not stored", async () => {
    await using test = await start();
    await using grpc = await connectGrpc(test.grpcPort);
    const body = requestOf(
      spanBytes(1, attributeField(9, "tenant.id", "evil"), attributeField(9, "nonet.project", "evil")),
    );
    await grpc.send(body, {
      authorization: "Bearer good",
      "x-tenant-id": "evil",
      "x-scope-orgid": "evil",
      "x-marker": "kept?",
    });
    expect(test.published[0]?.sender).toEqual({ tenantId: "acme", projectId: "p1" });
    expect(Buffer.from(test.published[0]?.bytes ?? []).includes("kept?")).toBe(false);
  });

  it("the header of the key is configurable", async () => {
    await using test = await startTestReceiver({ apiKeyHeader: "x-nonet" });
    test.keys.set("good", { tenantId: "acme", projectId: "p1" });
    expect((await post(test, referenceRequest, { "x-nonet": "good" })).status).toBe(200);
    expect((await post(test, referenceRequest, { "x-api-key": "good" })).status).toBe(401);
  });
});

describe("89: CORS", () => {
  const cors = {
    origins: ["https://app.example.com", "https://*.example.org"],
    headers: ["authorization"],
    maxAgeSeconds: 600,
  };

  it("is off by default", async () => {
    await using test = await startTestReceiver();
    const answer = await postJson(test, referenceJson, { origin: "https://app.example.com" });
    expect([answer.headers.get("access-control-allow-origin"), answer.headers.get("vary")]).toEqual([null, null]);
    const preflight = await fetch(test.httpUrl, { method: "OPTIONS", headers: { origin: "https://app.example.com" } });
    expect(preflight.status).toBe(405);
  });

  it.each(["https://app.example.com", "https://a.example.org", "https://a.b.example.org"])(
    "answers %s, the preflight without a credential",
    async (origin) => {
      await using test = await startTestReceiver({ cors });
      test.keys.set("good", { tenantId: "acme", projectId: "p1" });
      const preflight = await fetch(test.httpUrl, {
        method: "OPTIONS",
        headers: { origin, "access-control-request-method": "POST", "access-control-request-headers": "content-type" },
      });
      expect(preflight.status).toBe(204);
      expect(Object.fromEntries(preflight.headers)).toMatchObject({
        "access-control-allow-origin": origin,
        "access-control-allow-methods": "POST",
        "access-control-allow-headers": "content-type, authorization",
        "access-control-max-age": "600",
        vary: "Origin",
      });
      for (const authorization of ["Bearer good", "Bearer bad"]) {
        const answer = await postJson(test, referenceJson, { origin, authorization });
        expect(answer.headers.get("access-control-allow-origin")).toBe(origin);
        expect(answer.headers.get("vary")).toBe("Origin");
      }
    },
  );

  it.each([
    "https://example.org",
    "https://evil.com",
    "http://app.example.com",
    "https://app.example.com.evil.com",
    "https://a.example.org.evil.com",
    "https://evil.com/.example.org",
    "null",
  ])("gives %s no CORS headers", async (origin) => {
    await using test = await startTestReceiver({ cors });
    for (const method of ["OPTIONS", "POST"]) {
      const response = await fetch(test.httpUrl, { method, headers: { origin, "content-type": "application/json" } });
      expect([...response.headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
    }
  });
});

describe("3, 88: TLS", () => {
  const tls = { certFile: file("server-1.pem"), keyFile: file("server-1.key"), clientCaFile: undefined };
  const ca = pem("server-ca.pem");

  function postTls(port: number, options: object = {}): Promise<number> {
    return new Promise((resolve, reject) => {
      const request = httpsRequest(
        {
          host: "127.0.0.1",
          port,
          path: "/v1/traces",
          method: "POST",
          ca,
          agent: false,
          headers: { "content-type": "application/json" },
          ...options,
        },
        (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        },
      );
      request.on("error", reject);
      request.end(referenceJson);
    });
  }

  it("serves gRPC, HTTP/1.1 and, by ALPN, HTTP/2", async () => {
    await using test = await startTestReceiver({ tls });
    await using grpc = await connectGrpc(test.grpcPort, { tls: true, ca });
    expect((await grpc.send(referenceRequest)).status).toBe(0);
    expect(await postTls(test.httpPort)).toBe(200);
    const session = http2.connect(`https://127.0.0.1:${test.httpPort}`, { ca });
    const answers: string[] = [];
    for (const [contentType, body] of [
      ["application/json", Buffer.from(referenceJson)],
      ["application/x-protobuf", gzipSync(referenceRequest)],
      ["application/json", Buffer.from("[]")],
    ] as const) {
      const stream = session.request({
        ":method": "POST",
        ":path": "/v1/traces",
        "content-type": contentType,
        ...(contentType === "application/json" ? {} : { "content-encoding": "gzip" }),
      });
      stream.end(body);
      const [headers] = await once(stream, "response");
      answers.push(`${headers[":status"]} ${headers["content-type"]}`);
      stream.resume();
      await once(stream, "close");
    }
    session.destroy();
    expect(answers).toEqual(["200 application/json", "200 application/x-protobuf", "400 application/json"]);
    expect(test.published).toHaveLength(4);
  });

  it("refuses plain text and TLS below 1.2", async () => {
    await using test = await startTestReceiver({ tls });
    await expect(
      fetch(`http://127.0.0.1:${test.httpPort}/v1/traces`, { method: "POST", body: "{}" }),
    ).rejects.toThrow();
    await expect(postTls(test.httpPort, { maxVersion: "TLSv1.1", minVersion: "TLSv1" })).rejects.toThrow();
    expect(await postTls(test.httpPort, { maxVersion: "TLSv1.2" })).toBe(200);
  });

  it("with a client CA only its clients pass the handshake", async () => {
    await using test = await startTestReceiver({ tls: { ...tls, clientCaFile: file("client-ca.pem") } });
    const good = { cert: pem("client.pem"), key: pem("client.key") };
    const stranger = { cert: pem("stranger.pem"), key: pem("stranger.key") };
    expect(await postTls(test.httpPort, good)).toBe(200);
    await expect(postTls(test.httpPort)).rejects.toThrow();
    await expect(postTls(test.httpPort, stranger)).rejects.toThrow();
    await using grpc = await connectGrpc(test.grpcPort, { tls: true, ca, ...good });
    expect((await grpc.send(referenceRequest)).status).toBe(0);
    for (const options of [{}, stranger]) {
      const session = http2.connect(`https://127.0.0.1:${test.grpcPort}`, { ca, ...options });
      session.on("error", () => {});
      const stream = session.request({ ":method": "POST", ":path": exportPath, "content-type": "application/grpc" });
      stream.on("error", () => {});
      stream.end(frame(referenceRequest));
      expect((await readResult(stream)).http).toBe(0);
      session.destroy();
    }
    expect(test.published).toHaveLength(2);
  });

  describe("certificates change on disk", () => {
    let directory: string;
    beforeAll(() => {
      directory = mkdtempSync(join(tmpdir(), "nonet-tls-"));
    });
    afterAll(() => rmSync(directory, { recursive: true }));

    function install(name: string): void {
      copyFileSync(file(`${name}.pem`), join(directory, "cert.pem"));
      copyFileSync(file(`${name}.key`), join(directory, "key.pem"));
    }

    async function serverName(port: number, protocol: string): Promise<string | undefined> {
      const socket = tlsConnect({ host: "127.0.0.1", port, ca, ALPNProtocols: [protocol] });
      await once(socket, "secureConnect");
      const { CN } = socket.getPeerCertificate().subject;
      socket.destroy();
      return Array.isArray(CN) ? CN[0] : CN;
    }

    it("new connections get the new one, open ones go on", async () => {
      install("server-1");
      await using test = await startTestReceiver({
        tls: { certFile: join(directory, "cert.pem"), keyFile: join(directory, "key.pem"), clientCaFile: undefined },
        tlsReloadMs: 30,
      });
      await using grpc = await connectGrpc(test.grpcPort, { tls: true, ca });
      expect(await serverName(test.httpPort, "http/1.1")).toBe("server-1");
      copyFileSync(file("client.key"), join(directory, "key.pem"));
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect(await serverName(test.httpPort, "http/1.1")).toBe("server-1");
      install("server-2");
      await expect.poll(() => serverName(test.httpPort, "http/1.1")).toBe("server-2");
      await expect.poll(() => serverName(test.grpcPort, "h2")).toBe("server-2");
      expect((await grpc.send(referenceRequest)).status).toBe(0);
    });
  });
});

describe("85: start-up", () => {
  it.each([
    ["NONET_OTLP_GRPC_ADDRESS", "grpcAddresses"],
    ["NONET_OTLP_HTTP_ADDRESS", "httpAddresses"],
  ])("a used port is an error that names %s, and leaves no port open", async (setting, addresses) => {
    const blocker = createServer().listen(0, "127.0.0.1");
    await once(blocker, "listening");
    const used = (blocker.address() as { port: number }).port;
    const free = createServer().listen(0, "127.0.0.1");
    await once(free, "listening");
    const other = (free.address() as { port: number }).port;
    free.close();
    await once(free, "close");
    const address = (port: number) => [{ host: "127.0.0.1", port }];
    const config = { grpcAddresses: address(other), httpAddresses: address(other), [addresses]: address(used) };
    await expect(startTestReceiver(config)).rejects.toThrow(
      expect.objectContaining({ code: "ADDRESS_IN_USE", message: expect.stringContaining(setting) }),
    );
    const again = createServer().listen(other, "127.0.0.1");
    await once(again, "listening");
    again.close();
    blocker.close();
  });

  it("5: one port for both is not offered (contracts ruling 11), and says so like any port in use", async () => {
    const free = createServer().listen(0, "127.0.0.1");
    await once(free, "listening");
    const { port } = free.address() as { port: number };
    free.close();
    await once(free, "close");
    const both = [{ host: "127.0.0.1", port }];
    await expect(startTestReceiver({ grpcAddresses: both, httpAddresses: both })).rejects.toThrow(
      expect.objectContaining({ code: "ADDRESS_IN_USE", message: expect.stringContaining("NONET_OTLP_HTTP_ADDRESS") }),
    );
  });

  it.each([
    [
      "NONET_OTLP_TLS_CERT_FILE",
      { certFile: "/nowhere/cert.pem", keyFile: file("server-1.key"), clientCaFile: undefined },
    ],
    ["NONET_OTLP_TLS_KEY_FILE", { certFile: file("server-1.pem"), keyFile: "", clientCaFile: undefined }],
    [
      "NONET_OTLP_TLS_CLIENT_CA_FILE",
      { certFile: file("server-1.pem"), keyFile: file("server-1.key"), clientCaFile: "/nowhere" },
    ],
    [
      "NONET_OTLP_TLS_KEY_FILE",
      { certFile: file("server-1.pem"), keyFile: file("server-2.key"), clientCaFile: undefined },
    ],
  ])("a file of %s that cannot be used is an error that names it", async (setting, tls) => {
    await expect(startTestReceiver({ tls })).rejects.toThrow(
      expect.objectContaining({ code: "CONFIG_INVALID", message: expect.stringContaining(setting) }),
    );
  });

  it("an absent IPv6 loopback does not fail the start, an absent address does", async () => {
    await using test = await startTestReceiver({
      grpcAddresses: [
        { host: "127.0.0.1", port: 0 },
        { host: "::1", port: 0 },
      ],
    });
    expect(test.receiver.grpcAddresses.length).toBeGreaterThanOrEqual(1);
    await expect(startTestReceiver({ httpAddresses: [{ host: "192.0.2.1", port: 0 }] })).rejects.toThrow(
      expect.objectContaining({ code: "ADDRESS_IN_USE", message: expect.stringContaining("NONET_OTLP_HTTP_ADDRESS") }),
    );
  });
});
