/** The OpenAPI 3.1 document of all operations, made from the schemas that validate requests and that tests hold answers to. */

import { z } from "zod";
import {
  createDocument,
  createSchema,
  type oas31,
  type ZodOpenApiOperationObject,
  type ZodOpenApiPathsObject,
} from "zod-openapi";
import type { Operation } from "../http/operation.ts";
import { joinPath } from "../http/operation-router.ts";
import type { Parameter } from "../http/parameters.ts";
import { problemCodes, statusOf } from "../http/problem.ts";

export interface OperationGroup {
  /** With the parameter `:projectId` or `:tenantId`, or neither. */
  readonly basePath: string;
  readonly operations: readonly Operation[];
}

export type OpenapiDocument = ReturnType<typeof createDocument>;

/** Of every operation, besides its own. */
const commonStatuses = [401, 403, 404, 405, 406, 414, 429, 431, 500, 503];

const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.enum(problemCodes),
    requestId: z.string(),
    errors: z
      .array(
        z.object({
          parameter: z.string(),
          code: z.enum(["UNKNOWN_PARAMETER", "UNKNOWN_VALUE", "MALFORMED", "OUT_OF_RANGE", "REPEATED", "CONFLICT"]),
          detail: z.string(),
          allowed: z.array(z.string()).optional(),
        }),
      )
      .optional(),
    retryAfterMs: z.number().optional(),
    traceIds: z.array(z.string()).optional(),
  })
  .meta({ id: "Problem" });

export function buildOpenapiDocument(groups: readonly OperationGroup[]): OpenapiDocument {
  const paths: ZodOpenApiPathsObject = {};
  for (const { basePath, operations } of groups) {
    for (const operation of operations) {
      const path = joinPath(basePath, operation.path).replaceAll(/:(\w+)/g, "{$1}");
      const described = describeOperation(path, operation);
      const method = operation.body === undefined ? "get" : operation.method === "PUT" ? "put" : "post";
      paths[path] = { ...paths[path], [method]: described };
    }
  }
  return createDocument({
    openapi: "3.1.0",
    info: {
      title: "Nonet",
      version: "0.1.0",
      description: "Sessions, trace events and metrics of AI agents, derived from OpenTelemetry spans.",
    },
    servers: [{ url: "/" }],
    security: [{ bearer: [] }, { apiKey: [] }],
    paths,
    components: {
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer" },
        apiKey: { type: "apiKey", in: "header", name: "X-API-Key" },
      },
    },
  });
}

function describeOperation(path: string, operation: Operation): ZodOpenApiOperationObject {
  const { body } = operation;
  const bodyStatuses = body === undefined ? [] : [400, 413, 415];
  const isEventStream = "text/event-stream" in operation.responses;
  const statuses = [...new Set([...commonStatuses, ...bodyStatuses, ...operation.problemStatuses])];
  const content = Object.fromEntries(
    Object.entries(operation.responses).map(([mediaType, schema]) => [mediaType, { schema }]),
  );
  return {
    operationId: operation.operationId,
    summary: operation.summary,
    description: operation.description,
    parameters: [
      ...pathParameters(path, operation),
      ...Object.entries(operation.parameters).map(([name, parameter]) => queryParameter(name, parameter)),
      ...(isEventStream ? [lastEventIdHeader] : []),
    ],
    ...(body === undefined
      ? {}
      : { requestBody: { required: true, content: { "application/json": { schema: body } } } }),
    responses: {
      ...(body === undefined
        ? {
            "200": { description: "The answer.", content },
            ...(isEventStream ? {} : { "304": notModified }),
          }
        : operation.method === "PUT"
          ? { "200": { description: "What it is now.", content } }
          : { "202": { description: "Taken; the work follows.", content } }),
      ...Object.fromEntries(statuses.sort((a, b) => a - b).map((status) => [String(status), describeProblem(status)])),
    },
  };
}

const notModified = { description: "Not modified since the answer whose ETag `If-None-Match` names." };

const lastEventIdHeader: oas31.ParameterObject = {
  in: "header",
  name: "Last-Event-ID",
  required: false,
  description: "Id of the last event that was seen: what came since follows.",
  schema: { type: "string" },
};

function describeProblem(status: number): { description: string; content: Record<string, { schema: z.ZodType }> } {
  const codes = problemCodes.filter((code) => statusOf(code) === status);
  return { description: codes.join(" or "), content: { "application/problem+json": { schema: problemSchema } } };
}

const ownPathParameters: ReadonlyMap<string, string> = new Map([
  ["projectId", "The project of the token."],
  ["tenantId", "The tenant of the token."],
]);

function pathParameters(path: string, operation: Operation): oas31.ParameterObject[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => {
    const described = operation.pathParameters[name];
    const schema = described === undefined ? { type: "string" as const } : toSchema(described.schema);
    const description = described?.description ?? ownPathParameters.get(name) ?? "Verbatim, case-sensitive.";
    return { in: "path", name, required: true, description, schema };
  });
}

function queryParameter(name: string, parameter: Parameter): oas31.ParameterObject {
  const base = { in: "query" as const, name, required: false, description: parameter.description };
  if (parameter.kind === "single") return { ...base, schema: toSchema(parameter.schema) };
  const items = toSchema(parameter.item);
  return {
    ...base,
    style: "form",
    explode: false,
    schema: { type: "array", items, minItems: 1, maxItems: parameter.itemsMax },
  };
}

function toSchema(schema: z.ZodType): oas31.SchemaObject {
  // `as`: none of the parameter schemas is a registered component, so this is never a reference.
  return createSchema(schema, { io: "input" }).schema as oas31.SchemaObject;
}
