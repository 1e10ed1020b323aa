/**
 * One endpoint, described once: the same description routes, checks and documents it.
 *
 * Checks run in the order of contracts/README.md section 3: credential, path id, scope, parameters, resource. The first three need no
 * description; `answerOperation` runs the rest.
 */
import type { Credential } from "@nonet/proto/control/credentials.ts";
import { hasScope, type Scope } from "@nonet/proto/control/scopes.ts";
import type { ZodType } from "zod";
import { type Answer, problemAnswer } from "./answer.ts";
import type { CursorCodec } from "./cursor.ts";
import { accepts } from "./media-type.ts";
import { type ParameterSet, type ParameterValues, parseQuery, type SingleParameter } from "./parameters.ts";
import {
  forbidden,
  invalidCursor,
  invalidParameters,
  notAcceptable,
  type ParameterError,
  type Problem,
} from "./problem.ts";

export interface PathParameter {
  readonly schema: SingleParameter<string>["schema"];
  readonly description: string;
}

export interface Operation<S extends ParameterSet = ParameterSet> {
  readonly operationId: string;
  /** Express path below the base of all operations, e.g. `/:sessionId/traces`. */
  readonly path: string;
  readonly summary: string;
  readonly description: string;
  /** Those of `path` whose form is checked (400); others are looked up as they are. */
  readonly pathParameters: Readonly<Record<string, PathParameter>>;
  readonly parameters: S;
  /** With it the operation takes this JSON: a `POST`, unless `method` says otherwise; without it, it is a `GET`. */
  readonly body?: ZodType;
  /** Replaces what the `GET` of the same path answers. */
  readonly method?: "PUT";
  /** What the token must allow, judged by the raw query before its parameters are checked; of several one is enough. */
  scopeOf(query: URLSearchParams): Scope | readonly [Scope, ...Scope[]];
  /** Conflicts between parameters that are good by themselves. */
  conflicts(values: ParameterValues<S>): ParameterError[];
  /** The media types that can answer these parameters; the first is the one that does. */
  mediaTypes(values: ParameterValues<S>): readonly string[];
  /** All media types of the 200 answer (of a `POST`: 202) with their schemas, for the documentation. */
  readonly responses: Readonly<Record<string, ZodType>>;
  readonly problemStatuses: readonly number[];
  handle(request: OperationRequest<S>): Promise<Answer>;
}

export interface OperationRequest<S extends ParameterSet> {
  readonly tenantId: string;
  readonly projectId: string;
  /** Identifies the token in counters; not the token. */
  readonly credentialId: string;
  readonly mayReadContent: boolean;
  readonly path: Readonly<Record<string, string>>;
  readonly values: ParameterValues<S>;
  /** What `body` of the description made of the body; undefined without one. */
  readonly body: unknown;
  /** Key of the last item of the page before, when the request has a cursor. */
  readonly after: readonly string[] | undefined;
  /** Makes the cursor of the next page. */
  cursorAfter(key: readonly string[]): string;
  /** Aborted when the client has gone. */
  readonly signal: AbortSignal;
  readonly isHead: boolean;
  /** The header `Last-Event-ID`, as sent. */
  readonly lastEventId: string | undefined;
  /** Whether the token still allows what it did when the request came: for answers that last. @throws PipelineError `CONTROL_UNAVAILABLE`. */
  isStillAllowed(): Promise<boolean>;
}

export interface IncomingOperation {
  readonly credential: Credential;
  readonly path: Readonly<Record<string, string>>;
  /** Project and path as routed, decoded, in one text. */
  readonly resource: string;
  readonly queryText: string;
  readonly accept: string | undefined;
  /** Called once, after everything else was found good. */
  readBody(schema: ZodType): Promise<{ readonly value: unknown } | { readonly problem: Problem }>;
  readonly signal: AbortSignal;
  readonly isHead: boolean;
  readonly lastEventId: string | undefined;
  /** What the token is now; undefined when it is nothing any more. */
  authenticateAgain(): Promise<Credential | undefined>;
}

/** Types the members of a description from its parameters, and forgets them, so that operations fit one list. */
export function operation<S extends ParameterSet>(description: Operation<S>): Operation {
  // `as`: `answerOperation` hands `handle` only values that came out of `parameters` of the same description.
  return description as unknown as Operation;
}

export function methodsOf({ body, method }: Pick<Operation, "body" | "method">): readonly string[] {
  return body === undefined ? ["GET", "HEAD"] : [method ?? "POST"];
}

export async function answerOperation(
  operation: Operation,
  incoming: IncomingOperation,
  cursors: CursorCodec,
): Promise<Answer> {
  const { credential, queryText } = incoming;
  const query = new URLSearchParams(queryText);
  const scopes = [operation.scopeOf(query)].flat();
  if (!scopes.some((scope) => hasScope(credential.scopes, scope))) return problemAnswer(forbidden(scopes));

  const pathErrors = checkPath(operation, incoming.path);
  const parsed = parseQuery(operation.parameters, queryText);
  const errors = parsed.ok ? operation.conflicts(parsed.values) : parsed.errors;
  if (!parsed.ok || errors.length + pathErrors.length > 0) {
    return problemAnswer(invalidParameters([...pathErrors, ...errors]));
  }
  const requestText = canonicalRequest(operation.operationId, incoming.resource, query);
  const cursorText = query.get("cursor");
  const after = cursorText === null ? undefined : cursors.decode(requestText, cursorText);
  if (cursorText !== null && after === undefined) return problemAnswer(invalidCursor);

  const available = operation.mediaTypes(parsed.values);
  if (!available.some((mediaType) => accepts(incoming.accept, mediaType))) {
    return problemAnswer(notAcceptable(available));
  }
  const body = operation.body === undefined ? { value: undefined } : await incoming.readBody(operation.body);
  if ("problem" in body) return problemAnswer(body.problem);
  return operation.handle({
    tenantId: credential.tenantId,
    projectId: credential.projectId,
    credentialId: credential.keyId,
    mayReadContent: hasScope(credential.scopes, "traces:content"),
    path: incoming.path,
    values: parsed.values,
    body: body.value,
    after,
    cursorAfter: (key) => cursors.encode(requestText, key),
    signal: incoming.signal,
    isHead: incoming.isHead,
    lastEventId: incoming.lastEventId,
    async isStillAllowed() {
      const now = await incoming.authenticateAgain();
      if (now?.projectId !== credential.projectId) return false;
      const mayRead = hasScope(now.scopes, "traces:content") || !hasScope(credential.scopes, "traces:content");
      return mayRead && scopes.some((scope) => hasScope(now.scopes, scope));
    },
  });
}

function checkPath(operation: Operation, path: Readonly<Record<string, string>>): ParameterError[] {
  const errors: ParameterError[] = [];
  for (const [name, parameter] of Object.entries(operation.pathParameters)) {
    const result = parameter.schema.safeParse(path[name] ?? "");
    if (result.success) continue;
    errors.push({ parameter: name, code: "MALFORMED", detail: result.error.issues[0]?.message ?? "not valid" });
  }
  return errors;
}

/** Of each page of one walk these may be others. */
const pageParameters: ReadonlySet<string> = new Set(["limit", "per_page", "cursor"]);

/** Everything of the request but the size and place of the page; the order of parameters is not significant, that of values is kept. */
function canonicalRequest(operationId: string, resource: string, query: URLSearchParams): string {
  const pairs = [...query].filter(([name]) => !pageParameters.has(name));
  pairs.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return JSON.stringify([operationId, resource, pairs]);
}
