/**
 * Serves a list of operations under one base path that names the project or the tenant. Source: session-traces.md 2.1, 2.2.
 *
 *     token (401) -> rate (429) -> project or tenant (404) -> route (404) -> method (405) -> scope (403) -> parameters (400) -> Accept (406) -> work
 *
 * A foreign project or tenant, one that never existed and a path that is no endpoint give one and the same answer.
 */

import type { Credential } from "@nonet/proto/control/credentials.ts";
import { isProjectId, isTenantId } from "@nonet/proto/control/projects.ts";
import { type Request, type RequestHandler, type Response, Router } from "express";
import type { RateLimiterAbstract } from "rate-limiter-flexible";
import { type Answer, problemAnswer, sendAnswer, sendProblem } from "./answer.ts";
import { authenticate, type CredentialLookup } from "./authentication.ts";
import type { CursorCodec } from "./cursor.ts";
import { readJsonBody } from "./json-body.ts";
import { answerOperation, methodsOf, type Operation } from "./operation.ts";
import { methodNotAllowed, notFound } from "./problem.ts";
import { countRequest } from "./rate-limit.ts";
import { requestState } from "./request-state.ts";

export interface OperationRouterDeps {
  readonly credentials: CredentialLookup;
  readonly rateLimiter: RateLimiterAbstract;
  readonly cursors: CursorCodec;
  now(): number;
}

/** Mount it at the root. `basePath` has the parameter `:projectId` or `:tenantId`. */
export function createOperationRouter(
  basePath: string,
  operations: readonly Operation[],
  deps: OperationRouterDeps,
): Router {
  const router = Router({ caseSensitive: true, strict: false, mergeParams: true });
  router.use(basePath, admit(deps));
  for (const [path, own] of Map.groupBy(operations, (operation) => operation.path)) {
    router.all(joinPath(basePath, path), async (request, response) => {
      const state = requestState(response);
      const operation = own.find((each) => methodsOf(each).includes(request.method));
      state.route = (operation ?? own[0])?.operationId ?? "";
      const answer =
        operation === undefined
          ? problemAnswer(methodNotAllowed(own.flatMap(methodsOf).join(", ")))
          : await answerRequest(operation, request, response, deps);
      await sendAnswer(answer, request, response, state.requestId);
    });
  }
  router.use(basePath, (_request, response) => sendProblem(notFound, response, requestState(response).requestId));
  return router;
}

/** Express writes parameters as `:name`; OpenAPI as `{name}`. */
export function joinPath(basePath: string, path: string): string {
  return path === "/" ? basePath : basePath + path;
}

function admit(deps: OperationRouterDeps): RequestHandler {
  return async (request, response, next) => {
    const state = requestState(response);
    const authentication = await authenticate(request.headers, deps.credentials);
    if ("problem" in authentication) {
      sendProblem(authentication.problem, response, state.requestId);
      return;
    }
    const { credential } = authentication;
    state.credential = credential;
    const limited = await countRequest(
      deps.rateLimiter,
      { credentialId: credential.keyId, nowMs: deps.now() },
      response,
    );
    if (limited !== undefined) {
      sendProblem(limited, response, state.requestId);
      return;
    }
    if (!namesOwn(request.params, credential)) {
      sendProblem(notFound, response, state.requestId);
      return;
    }
    next();
  };
}

function namesOwn({ projectId, tenantId }: Request["params"], credential: Credential): boolean {
  if (typeof tenantId === "string") return isTenantId(tenantId) && tenantId === credential.tenantId;
  if (typeof projectId === "string") return isProjectId(projectId) && projectId === credential.projectId;
  // A path without either, as that of receipts, speaks of the credential's own project.
  return true;
}

async function answerRequest(
  operation: Operation,
  request: Request,
  response: Response,
  deps: OperationRouterDeps,
): Promise<Answer> {
  const { credential } = requestState(response);
  if (credential === undefined) throw new Error("an operation ran without a credential");
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  const path = Object.fromEntries(
    Object.entries(request.params).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
  return answerOperation(
    operation,
    {
      credential,
      path,
      resource: JSON.stringify([credential.projectId, path]),
      queryText: queryTextOf(request.originalUrl),
      accept: request.get("accept"),
      readBody: (schema) => readJsonBody(request, schema),
      signal: gone.signal,
      isHead: request.method === "HEAD",
      lastEventId: request.get("last-event-id"),
      async authenticateAgain() {
        const again = await authenticate(request.headers, deps.credentials);
        return "credential" in again ? again.credential : undefined;
      },
    },
    deps.cursors,
  );
}

function queryTextOf(target: string): string {
  const start = target.indexOf("?");
  return start === -1 ? "" : target.slice(start + 1);
}
