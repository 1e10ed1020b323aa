/** The spans of captured requests, read by protobufjs from the .proto files: not by our own decoder. */
import protobuf from "protobufjs";
import { contentOf, grpcMessageOf, readGrpcStreams, readHttp1 } from "./wire.ts";

const root = new protobuf.Root();
const directory = new URL("../../proto/otlp/", import.meta.url).pathname;
root.resolvePath = (_origin, target) => (target.startsWith("/") ? target : directory + target);
root.loadSync("opentelemetry/proto/collector/trace/v1/trace_service.proto");
const requestType = root.lookupType("opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest");

interface Request<Id> {
  readonly resourceSpans?: readonly {
    readonly scopeSpans?: readonly { readonly spans?: readonly { readonly traceId: Id; readonly spanId: Id }[] }[];
  }[];
}

/** `traceId/spanId` of every span in whole requests of one connection. */
export function keysOfConnection(transport: "grpc" | "http", bytes: Buffer): string[] {
  if (transport === "grpc") {
    return readGrpcStreams(bytes).flatMap((stream) => {
      const message = grpcMessageOf(stream);
      return message === undefined ? [] : keysOfProtobuf(message);
    });
  }
  return readHttp1(bytes).flatMap((message) => {
    if (!message.startLine.startsWith("POST ")) return [];
    const content = contentOf(message);
    return message.headers.get("content-type")?.startsWith("application/json") === true
      ? keysOfJson(content)
      : keysOfProtobuf(content);
  });
}

function keysOfProtobuf(message: Buffer): string[] {
  // `as`: the shape is that of the .proto file.
  const request = requestType.toObject(requestType.decode(message)) as Request<Buffer>;
  return keysOf(request, (id) => id.toString("hex"));
}

function keysOfJson(text: Buffer): string[] {
  // `as`: the keys are all that is read.
  return keysOf(JSON.parse(text.toString()) as Request<string>, (id) => id);
}

function keysOf<Id>(request: Request<Id>, toHex: (id: Id) => string): string[] {
  return (request.resourceSpans ?? []).flatMap((resource) =>
    (resource.scopeSpans ?? []).flatMap((scope) =>
      (scope.spans ?? []).map((span) => `${toHex(span.traceId)}/${toHex(span.spanId)}`),
    ),
  );
}
