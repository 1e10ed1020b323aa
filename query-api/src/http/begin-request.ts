/** First and last of every request: its id, its target, its metric, and what becomes of an exception. */
import { isPipelineError } from "@nonet/proto/errors.ts";
import type { ErrorRequestHandler, RequestHandler } from "express";
import type { Logger } from "pino";
import { Histogram, type Registry } from "prom-client";
import { sendProblem } from "./answer.ts";
import { internalError, serviceUnavailable, uriTooLong } from "./problem.ts";
import { requestIdOf } from "./request-id.ts";
import { requestState, setRequestState } from "./request-state.ts";

const targetBytesMax = 8192;

export function beginRequest(deps: { now(): number; registry: Registry }): RequestHandler {
  const duration = new Histogram({
    name: "http_server_request_duration_seconds",
    help: "Time from the request's head to the end of its answer.",
    labelNames: ["route", "status"],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers: [deps.registry],
  });
  return (request, response, next) => {
    const startMs = performance.now();
    const requestId = requestIdOf(request.get("x-request-id"), deps.now());
    setRequestState(response, { requestId, startMs, credential: undefined, route: "none" });
    response.set("X-Request-Id", requestId);
    response.set("X-Content-Type-Options", "nosniff");
    response.once("close", () => {
      const labels = { route: requestState(response).route, status: String(response.statusCode) };
      duration.observe(labels, (performance.now() - startMs) / 1000);
    });
    if (Buffer.byteLength(request.url) > targetBytesMax) {
      sendProblem(uriTooLong, response, requestId);
      return;
    }
    request.url = decodablePath(request.url);
    next();
  };
}

/** A failure before the first byte is an ordinary problem; after it the connection is cut, so that nobody takes a part for the whole. */
export function answerFailures(log: Logger): ErrorRequestHandler {
  return (caught: unknown, _request, response, _next) => {
    const { requestId, route } = requestState(response);
    const unavailable = isPipelineError(caught) && caught.retryable;
    log[unavailable ? "warn" : "error"]({ err: caught, requestId, route }, "a request failed");
    if (response.headersSent) {
      response.destroy();
      return;
    }
    for (const name of response.getHeaderNames()) {
      if (!/^x-(request-id|ratelimit-.*|content-type-options)$/i.test(name)) response.removeHeader(name);
    }
    sendProblem(unavailable ? serviceUnavailable : internalError, response, requestId);
  };
}

/** A path segment that is no percent-encoded text names nothing; NUL, which no stored id has, stands for it, so that the checks run in order. */
function decodablePath(target: string): string {
  const queryStart = target.indexOf("?");
  const path = queryStart === -1 ? target : target.slice(0, queryStart);
  if (isDecodable(path)) return target;
  const segments = path.split("/").map((segment) => (isDecodable(segment) ? segment : "%00"));
  return segments.join("/") + target.slice(path.length);
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    // Only a URIError is possible here, and it is the answer.
    return false;
  }
}
