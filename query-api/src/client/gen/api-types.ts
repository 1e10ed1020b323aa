/** Written by `pnpm gen` from the OpenAPI document. Do not edit. */
export interface paths {
    "/api/projects/{projectId}/sessions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Sessions of the project
         * @description Sessions with their counts, tokens, cost and status.
         */
        get: operations["listSessions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{projectId}/sessions/export": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Events of many sessions as a file
         * @description All events that match, by session and order, streamed as CSV, NDJSON or JSON.
         */
        get: operations["exportTraces"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{projectId}/sessions/generations": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Model calls across sessions
         * @description Every `llm_call` of the project with usage, cost, latency and what is known of its prompt.
         */
        get: operations["listGenerations"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{projectId}/sessions/{sessionId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * One session with its turns
         * @description The session as in the list, and its first 1,000 turns in order.
         */
        get: operations["getSession"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{projectId}/sessions/{sessionId}/traces": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Events of a session
         * @description All trace events of a session in order (`view=flat`), or nested per turn (`view=tree`).
         */
        get: operations["getSessionTraces"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{projectId}/sessions/{sessionId}/traces/{spanId}/children": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Events below a span
         * @description Events of the spans below `spanId`, the span's own events, and its direct child spans.
         */
        get: operations["getSpanChildren"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{projectId}/sessions/{sessionId}/traces/{spanId}/explain": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Why a span became its events
         * @description The rule that classified the span, the attributes that gave each field, what the rest of the trace changed, the events it gave, and the attributes that nothing was read from. Attributes are named, their values are not shown.
         */
        get: operations["explainSpan"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{projectId}/sessions/{sessionId}/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Metrics of a session
         * @description Latency with its parts, tokens, tools, guardrails, cost, errors and handoffs.
         */
        get: operations["getSessionMetrics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{projectId}/sessions/{sessionId}/analysis": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Diagnostics of a session
         * @description Slow spans, error patterns, decision anomalies and optimization suggestions, each with its evidence.
         */
        get: operations["getSessionAnalysis"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{projectId}/sessions/{sessionId}/live": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * A session and its tree, as they change
         * @description Server-sent events. Resumes after the event whose id `Last-Event-ID` gives; with an id that is unknown or too old the first event is a `reset`. The schema shows each event as an object of its fields; `data` is JSON. The first event is a `snapshot` of all nodes; `changes` follow. Parents that have not ended yet are placeholders.
         */
        get: operations["followSession"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{projectId}/live": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Sessions of the project, as they change
         * @description Server-sent events. Resumes after the event whose id `Last-Event-ID` gives; with an id that is unknown or too old the first event is a `reset`. The schema shows each event as an object of its fields; `data` is JSON. A `change` tells of one session and of the traces in it that changed.
         */
        get: operations["followProject"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/tenants/{tenantId}/traces": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Traces of the tenant's project, newest first
         * @description One trace is one OpenTelemetry trace with at least one event; it may hold several model calls.
         */
        get: operations["listTenantTraces"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/tenants/{tenantId}/traces/{traceId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * One trace
         * @description All messages, tool calls and settings of the call that gave the answer, with tokens and cost of the whole trace. `traceId` is the OpenTelemetry trace id, with or without a leading `trace_`.
         */
        get: operations["getTenantTrace"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{projectId}/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Rolling metrics of the project
         * @description Calls, errors, tokens, cost, latency, tools, guardrails and handoffs in windows by event time. Windows without an event are left out.
         */
        get: operations["getProjectMetrics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{projectId}/settings": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The settings of the project
         * @description Scopes that are ignored, masking rules, prices of its own. What was received before a change keeps the settings it was received with.
         */
        get: operations["getProjectSettings"];
        /**
         * Replace the settings of the project
         * @description A member that is left out becomes empty. Running services take the change within 5 seconds, and spans received from then on are masked, hidden and priced by it; what is stored stays. `nonet remap --settings` hides stored spans by the new settings, `nonet reprice` prices stored calls by them.
         */
        put: operations["putProjectSettings"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{projectId}/diagnostics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What is received, by instrumentation, and what to change in the senders
         * @description Per instrumentation scope the spans by class, what is hidden or without a session, what no rule reads and what limits cut; model calls without tokens or prices; instrumentations that report each other's calls. Names of attributes only, never values.
         */
        get: operations["getDiagnostics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{projectId}/quarantine": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What was received and not stored
         * @description Spans that were rejected in partial success and records that were dead-lettered, newest first, for as long as the quarantine has room for them.
         */
        get: operations["listQuarantine"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{projectId}/quarantine/replay": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Send entries through the log again
         * @description After a fix. Entries by id, or all with a reason; only what is `held`. An ingest process takes them within seconds, and the normal path decides anew.
         */
        post: operations["replayQuarantine"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{projectId}/quarantine/{entryId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * One entry of the quarantine with its bytes
         * @description The bytes are masked like stored data, and cut at a limit. They need the scope `traces:content`.
         */
        get: operations["getQuarantineEntry"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/receipts/{receiptId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What became of an export request
         * @description Takes the `nonet-receipt` of the answer. `logged`: durable, not yet in the store. `stored`: in the store. `queryable`: every API shows it. `expired`: older than the retention. A receipt that is not of this installation and project is unknown (404).
         */
        get: operations["getReceipt"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        ProjectSettingsChange: {
            /**
             * @description Names of instrumentation scopes; a `*` at the end stands for any ending.
             * @default []
             */
            ignoredScopes: string[];
            /** @default [] */
            maskingRules: {
                /** @description Names the rule in errors. */
                name: string;
                /** @description Regular expression of RE2: without look-around and back references, in exchange linear in the text. Left out, whole values of `attributes` are masked. */
                pattern?: string;
                /** @description Names of attributes, `*` for any characters. With them the rule looks at these attributes only. */
                attributes?: string[];
                /**
                 * @description Written in place of what the pattern matches; `$1` is its first group, `$$` a dollar.
                 * @default [masked]
                 */
                replacement: string;
            }[];
            /** @default [] */
            priceOverrides: {
                /** @description As events state it; any provider when left out. */
                provider?: string;
                /** @description Model that answered, else that was asked; case does not matter, `*` is any characters. */
                model: string;
                /**
                 * Format: date-time
                 * @description Calls that start from then on; of several entries that match equally well the latest is in effect.
                 */
                from?: string;
                /** @description USD per million tokens, as are the other rates of tokens. */
                input: number | {
                    base: number;
                    tiers: {
                        above: number;
                        price: number;
                    }[];
                };
                output: number | {
                    base: number;
                    tiers: {
                        above: number;
                        price: number;
                    }[];
                };
                /** @description The rate of `input` when left out. */
                cacheRead?: number | {
                    base: number;
                    tiers: {
                        above: number;
                        price: number;
                    }[];
                };
                /** @description The rate of `input` when left out. */
                cacheWrite?: number | {
                    base: number;
                    tiers: {
                        above: number;
                        price: number;
                    }[];
                };
                /** @description USD a call. */
                perRequest?: number;
            }[];
            /** @description The version that this replaces. Given, a change that came in between is not overwritten: 409. */
            version?: number;
            /** @description Not read, so that what was read can be sent back. */
            changedAt?: unknown;
            changedBy?: unknown;
        };
        SessionList: {
            data: components["schemas"]["Session"][];
            page: components["schemas"]["Page"];
        };
        Session: {
            id: string;
            projectId: string;
            idReported: boolean;
            revision: number;
            /** @enum {string} */
            status: "active" | "idle" | "completed" | "failed" | "abandoned" | "escalated" | "archived";
            agent: string | null;
            agents: string[];
            environment: string | null;
            channel: string | null;
            userId: string | null;
            /** @description RFC 3339 in UTC with milliseconds. */
            startedAt: string;
            /** @description RFC 3339 in UTC with milliseconds. */
            lastActivityAt: string;
            durationMs: number;
            turnCount: number;
            messageCount: number;
            traceCount: number;
            eventCount: number;
            llmCallCount: number;
            toolCallCount: number;
            handoffCount: number;
            guardrailCount: number;
            errorCount: number;
            tokens: {
                input: number | null;
                output: number | null;
                total: number | null;
            };
            cost: {
                amount: number | null;
                /** @constant */
                currency: "USD";
                unpricedCalls: number;
            };
            models: string[];
            tags: string[];
            metadata: {
                [key: string]: unknown;
            };
        };
        Page: {
            limit: number;
            count: number;
            total: number | null;
            hasMore: boolean;
            nextCursor: string | null;
        };
        Problem: {
            type: string;
            title: string;
            status: number;
            detail: string;
            /** @enum {string} */
            code: "INVALID_PARAMETER" | "INVALID_CURSOR" | "INVALID_BODY" | "UNAUTHORIZED" | "FORBIDDEN" | "NOT_FOUND" | "METHOD_NOT_ALLOWED" | "NOT_ACCEPTABLE" | "CONFLICT" | "AMBIGUOUS_SPAN" | "PAYLOAD_TOO_LARGE" | "UNSUPPORTED_MEDIA_TYPE" | "URI_TOO_LONG" | "HEAD_TOO_LARGE" | "RATE_LIMIT_EXCEEDED" | "INTERNAL_ERROR" | "SERVICE_UNAVAILABLE";
            requestId: string;
            errors?: {
                parameter: string;
                /** @enum {string} */
                code: "UNKNOWN_PARAMETER" | "UNKNOWN_VALUE" | "MALFORMED" | "OUT_OF_RANGE" | "REPEATED" | "CONFLICT";
                detail: string;
                allowed?: string[];
            }[];
            retryAfterMs?: number;
            traceIds?: string[];
        };
        TraceEvent: {
            id: string;
            /** @enum {string} */
            type: "llm_call" | "tool_call" | "tool_result" | "decision" | "handoff" | "guardrail_eval" | "state_change" | "error" | "response";
            sessionId: string;
            /** @enum {string} */
            sessionIdSource: "span" | "ancestor" | "trace" | "resource" | "fallback";
            userId: string | null;
            traceId: string;
            spanId: string;
            parentSpanId: string | null;
            parentId: string | null;
            turnId: string;
            turnIndex: number;
            runId: string | null;
            name: string;
            agentName: string | null;
            agentId: string | null;
            environment: string | null;
            /** @description RFC 3339 in UTC with milliseconds. */
            timestamp: string;
            /** @description Nanoseconds since 1970, decimal. */
            timeUnixNano: string;
            endTimeUnixNano: string | null;
            durationMs: number | null;
            /** @enum {string} */
            status: "ok" | "error" | "unset";
            decisionKind: ("tool_selection" | "handoff" | "routing" | "planning" | "approval" | "interrupt" | "deferral") | null;
            orphan: boolean;
            flags: string[];
            duplicateOf?: string;
            data: components["schemas"]["LlmCallData"] | components["schemas"]["ToolCallData"] | components["schemas"]["ToolResultData"] | components["schemas"]["DecisionData"] | components["schemas"]["HandoffData"] | components["schemas"]["GuardrailData"] | components["schemas"]["StateChangeData"] | components["schemas"]["ErrorData"] | components["schemas"]["ResponseData"];
            /** @constant */
            contentTruncated?: true;
            /** @constant */
            contentWithheld?: true;
            ruleId?: string;
            scopeName?: string;
            serviceName?: string | null;
            tags?: string[];
            metadata?: {
                [key: string]: unknown;
            };
            attributes?: {
                [key: string]: unknown;
            };
            resource?: {
                [key: string]: unknown;
            };
            links?: {
                traceId: string;
                spanId: string;
            }[];
            /** @constant */
            attributesTruncated?: true;
        };
        LlmCallData: {
            operation: string;
            provider: string | null;
            requestModel: string | null;
            responseModel: string | null;
            responseId: string | null;
            parameters: {
                [key: string]: unknown;
            };
            usage: components["schemas"]["Usage"];
            usagePartial: boolean;
            cost: components["schemas"]["Cost"] | null;
            finishReasons: string[] | null;
            stream: boolean | null;
            timeToFirstChunkMs: number | null;
            prompt: components["schemas"]["PromptMeta"];
            requestedToolCalls: {
                id: string | null;
                name: string | null;
                /** @description Any JSON value. */
                arguments: unknown;
            }[] | null;
            content: {
                input: components["schemas"]["Message"][];
                output: components["schemas"]["Message"][];
                tools: components["schemas"]["ToolDef"][];
            } | null;
        };
        Usage: {
            inputTokens: number | null;
            outputTokens: number | null;
            totalTokens: number | null;
            cacheReadInputTokens: number | null;
            cacheCreationInputTokens: number | null;
            reasoningOutputTokens: number | null;
        };
        Cost: {
            amount: number;
            /** @constant */
            currency: "USD";
            input: number | null;
            output: number | null;
            /** @enum {string} */
            source: "reported" | "price_table";
            priceTable: string | null;
        };
        PromptMeta: {
            name: string | null;
            version: string | null;
            messageCount: number | null;
            roles: {
                [key: string]: number;
            } | null;
            hasSystem: boolean | null;
            toolCount: number | null;
            charCount: number | null;
            fingerprint: string | null;
        };
        Message: {
            /** @enum {string} */
            role: "system" | "user" | "assistant" | "tool";
            parts: components["schemas"]["Part"][];
            finishReason?: string;
            name?: string;
        };
        Part: {
            /** @enum {string} */
            type: "text" | "reasoning";
            text: string;
        } | {
            /** @constant */
            type: "tool_call";
            id?: string;
            name: string;
            /** @description Any JSON value. */
            arguments?: unknown;
        } | {
            /** @constant */
            type: "tool_result";
            id?: string;
            name?: string;
            /** @description Any JSON value. */
            result: unknown;
            isError?: boolean;
        } | {
            /** @constant */
            type: "media";
            mimeType?: string;
            uri?: string;
        } | {
            /** @constant */
            type: "data";
            /** @description Any JSON value. */
            value: unknown;
        };
        ToolDef: {
            name: string;
            description?: string;
            /** @description Any JSON value. */
            parameters?: unknown;
        };
        ToolCallData: {
            toolName: string;
            toolType: string | null;
            toolDescription: string | null;
            callId: string | null;
            mcp: {
                method: string | null;
                sessionId: string | null;
                protocolVersion: string | null;
                requestId: string | null;
            } | null;
            /** @description Any JSON value. */
            arguments: unknown;
            argumentsHash: string | null;
            resultEventId: string | null;
        };
        ToolResultData: {
            toolName: string;
            toolType: string | null;
            callId: string | null;
            mcp: {
                method: string | null;
                sessionId: string | null;
                protocolVersion: string | null;
                requestId: string | null;
            } | null;
            isError: boolean;
            errorType: string | null;
            errorMessage: string | null;
            /** @description Any JSON value. */
            result: unknown;
            resultHash: string | null;
            resultBytes: number | null;
            callEventId: string | null;
        };
        DecisionData: {
            /** @enum {string} */
            kind: "tool_selection" | "handoff" | "routing" | "planning" | "approval" | "interrupt" | "deferral";
            selected: string[];
            calls: {
                callId: string | null;
                toolName: string | null;
                /** @description Any JSON value. */
                arguments: unknown;
            }[] | null;
            fromAgent: string | null;
            toAgent: string | null;
            source: string | null;
            callId: string | null;
            reason: string | null;
            handoffId: string | null;
        };
        HandoffData: {
            fromAgent: string | null;
            toAgent: string | null;
            /** @enum {string} */
            mechanism: "transfer" | "delegation";
            message: string | null;
            callId: string | null;
            escalation: boolean;
            decisionId: string | null;
        };
        GuardrailData: {
            guardrailName: string;
            /** @enum {string} */
            evalKind: "guardrail" | "evaluation" | "threat" | "hook";
            /** @enum {string} */
            result: "pass" | "fail" | "error" | "unknown";
            action: ("allow" | "block" | "modify" | "warn" | "escalate" | "none") | null;
            score: number | null;
            label: string | null;
            reason: string | null;
            target: string | null;
            phase: ("input" | "output" | "tool_input" | "tool_output") | null;
            blocked: boolean;
        };
        StateChangeData: {
            stateKey: string;
            /** @enum {string} */
            operation: "set" | "create" | "update" | "upsert" | "delete";
            /** @enum {string} */
            scope: "memory" | "session" | "workflow";
            /** @description Any JSON value. */
            before: unknown;
            /** @description Any JSON value. */
            after: unknown;
        };
        ErrorData: {
            errorType: string;
            message: string | null;
            stack: string | null;
            handled: boolean;
            propagated: boolean;
            originSpanId: string | null;
            /** @enum {string} */
            sourceKind: "exception_event" | "status" | "attribute" | "span_event";
            rootCauseId: string | null;
            fingerprint: string;
            /** @enum {string} */
            errorClass: "rate_limit" | "timeout" | "auth" | "not_found" | "validation" | "content_filter" | "context_length" | "network" | "server" | "cancelled" | "unknown";
            /** @enum {string} */
            sourceType: "llm_call" | "tool_call" | "tool_result" | "decision" | "handoff" | "guardrail_eval" | "state_change" | "error" | "response" | "span";
            sourceId: string | null;
        };
        ResponseData: {
            content: string | null;
            contentCaptured: boolean;
            charCount: number | null;
            responseSource: ("root" | "last_llm_call") | null;
            finishReason: string | null;
            usageAggregate: {
                inputTokens: number | null;
                outputTokens: number | null;
                totalTokens: number | null;
                cacheReadInputTokens: number | null;
                cacheCreationInputTokens: number | null;
                reasoningOutputTokens: number | null;
                cost: number | null;
            } | null;
            sourceId: string | null;
        };
        Generations: {
            data: components["schemas"]["Generation"][];
            page: components["schemas"]["Page"];
            aggregates?: {
                count: number;
                errors: number;
                sessions: number;
                tokens: {
                    input: number | null;
                    output: number | null;
                    total: number | null;
                    callsMissing: number;
                };
                cost: {
                    amount: number | null;
                    /** @constant */
                    currency: "USD";
                    unpricedCalls: number;
                };
                latency: {
                    meanMs: number | null;
                    p50Ms: number | null;
                    p95Ms: number | null;
                    maxMs: number | null;
                };
                byModel: {
                    provider: string | null;
                    model: string | null;
                    count: number;
                    errors: number;
                    inputTokens: number | null;
                    outputTokens: number | null;
                    totalTokens: number | null;
                    costAmount: number | null;
                    p50Ms: number | null;
                    p95Ms: number | null;
                }[];
            };
        };
        Generation: {
            id: string;
            sessionId: string;
            traceId: string;
            spanId: string;
            turnIndex: number;
            agentName: string | null;
            /** @description RFC 3339 in UTC with milliseconds. */
            timestamp: string;
            /** @description Nanoseconds since 1970, decimal. */
            timeUnixNano: string;
            operation: string;
            provider: string | null;
            requestModel: string | null;
            responseModel: string | null;
            usage: components["schemas"]["Usage"];
            usagePartial: boolean;
            cost: components["schemas"]["Cost"] | null;
            latencyMs: number | null;
            timeToFirstChunkMs: number | null;
            outputTokensPerSecond: number | null;
            parameters: {
                [key: string]: unknown;
            };
            finishReasons: string[] | null;
            stream: boolean | null;
            /** @enum {string} */
            status: "ok" | "error" | "unset";
            errorType: string | null;
            prompt: components["schemas"]["PromptMeta"];
            content: {
                input: components["schemas"]["Message"][];
                output: components["schemas"]["Message"][];
                tools: components["schemas"]["ToolDef"][];
            } | null;
            /** @constant */
            contentTruncated?: true;
            /** @constant */
            contentWithheld?: true;
        };
        SessionDetail: {
            id: string;
            projectId: string;
            idReported: boolean;
            revision: number;
            /** @enum {string} */
            status: "active" | "idle" | "completed" | "failed" | "abandoned" | "escalated" | "archived";
            agent: string | null;
            agents: string[];
            environment: string | null;
            channel: string | null;
            userId: string | null;
            /** @description RFC 3339 in UTC with milliseconds. */
            startedAt: string;
            /** @description RFC 3339 in UTC with milliseconds. */
            lastActivityAt: string;
            durationMs: number;
            turnCount: number;
            messageCount: number;
            traceCount: number;
            eventCount: number;
            llmCallCount: number;
            toolCallCount: number;
            handoffCount: number;
            guardrailCount: number;
            errorCount: number;
            tokens: {
                input: number | null;
                output: number | null;
                total: number | null;
            };
            cost: {
                amount: number | null;
                /** @constant */
                currency: "USD";
                unpricedCalls: number;
            };
            models: string[];
            tags: string[];
            metadata: {
                [key: string]: unknown;
            };
            turns: components["schemas"]["Turn"][];
            turnsTruncated: boolean;
        };
        Turn: {
            turnId: string;
            runId: string | null;
            index: number;
            traceId: string;
            rootSpanId: string | null;
            /** @description RFC 3339 in UTC with milliseconds. */
            startTime: string;
            /** @description Nanoseconds since 1970, decimal. */
            startTimeUnixNano: string;
            endTimeUnixNano: string | null;
            latencyMs: number | null;
            extentMs: number;
            /** @enum {string} */
            status: "ok" | "error" | "running";
            eventCount: number;
        };
        SessionTraces: {
            session: {
                id: string;
                projectId: string;
                /** @enum {string} */
                status: "active" | "idle" | "completed" | "failed" | "abandoned" | "escalated" | "archived";
                revision: number;
                /** @description RFC 3339 in UTC with milliseconds. */
                startedAt: string;
                /** @description RFC 3339 in UTC with milliseconds. */
                lastActivityAt: string;
            };
            /** @constant */
            view: "flat";
            data: components["schemas"]["TraceEvent"][];
            page: components["schemas"]["Page"];
            metrics?: components["schemas"]["SessionMetrics"];
        } | {
            session: {
                id: string;
                projectId: string;
                /** @enum {string} */
                status: "active" | "idle" | "completed" | "failed" | "abandoned" | "escalated" | "archived";
                revision: number;
                /** @description RFC 3339 in UTC with milliseconds. */
                startedAt: string;
                /** @description RFC 3339 in UTC with milliseconds. */
                lastActivityAt: string;
            };
            /** @constant */
            view: "tree";
            data: {
                turn: components["schemas"]["Turn"];
                nodes: components["schemas"]["Node"][];
            }[];
            page: components["schemas"]["Page"];
            metrics?: components["schemas"]["SessionMetrics"];
        };
        SessionMetrics: {
            sessionId: string;
            projectId: string;
            revision: number;
            /** @enum {string} */
            status: "active" | "idle" | "completed" | "failed" | "abandoned" | "escalated" | "archived";
            latency: {
                totalMs: number | null;
                wallClockMs: number;
                openTurns: number;
                turnMeanMs: number | null;
                turnP50Ms: number | null;
                turnP95Ms: number | null;
                turnMaxMs: number | null;
                turns: {
                    turnId: string;
                    index: number;
                    /** @description RFC 3339 in UTC with milliseconds. */
                    startTime: string;
                    latencyMs: number | null;
                    extentMs: number;
                    breakdown: {
                        llmMs: number;
                        toolMs: number;
                        guardrailMs: number;
                        otherMs: number;
                    } | null;
                    timeToFirstTokenMs: number | null;
                    /** @enum {string} */
                    status: "ok" | "error" | "running";
                    llmCalls: number;
                    toolCalls: number;
                    errors: number;
                    tokens: {
                        input: number | null;
                        output: number | null;
                        total: number | null;
                    };
                    costAmount: number | null;
                }[];
                turnsTruncated: boolean;
            };
            tokens: {
                totals: components["schemas"]["Usage"];
                callsReporting: number;
                callsMissing: number;
                callsPartial: number;
                aggregateTurns: number;
                calls: {
                    eventId: string;
                    turnIndex: number;
                    /** @description RFC 3339 in UTC with milliseconds. */
                    timestamp: string;
                    provider: string | null;
                    model: string | null;
                    operation: string;
                    durationMs: number | null;
                    usage: components["schemas"]["Usage"];
                    usagePartial: boolean;
                    costAmount: number | null;
                }[];
                callsTruncated: boolean;
                byModel: {
                    provider: string | null;
                    model: string | null;
                    calls: number;
                    inputTokens: number | null;
                    outputTokens: number | null;
                    totalTokens: number | null;
                    costAmount: number | null;
                    p50Ms: number | null;
                    p95Ms: number | null;
                    errors: number;
                }[];
            };
            llm: {
                callCount: number;
                errorCount: number;
                p50Ms: number | null;
                p95Ms: number | null;
                meanMs: number | null;
            };
            tools: {
                callCount: number;
                successCount: number;
                errorCount: number;
                unresolvedCount: number;
                unseenCount: number;
                successRate: number | null;
                p50Ms: number | null;
                p95Ms: number | null;
                byTool: {
                    toolName: string;
                    callCount: number;
                    successCount: number;
                    errorCount: number;
                    unresolvedCount: number;
                    successRate: number | null;
                    p50Ms: number | null;
                    p95Ms: number | null;
                    totalMs: number | null;
                }[];
            };
            guardrails: {
                evaluationCount: number;
                passCount: number;
                failCount: number;
                errorCount: number;
                unknownCount: number;
                blockCount: number;
                modifyCount: number;
                blockRate: number | null;
                judgementCount: number;
                byGuardrail: {
                    guardrailName: string | null;
                    phase: string | null;
                    evaluationCount: number;
                    blockCount: number;
                    blockRate: number | null;
                    p50Ms: number | null;
                    p95Ms: number | null;
                }[];
            };
            cost: {
                amount: number | null;
                /** @constant */
                currency: "USD";
                pricedCalls: number;
                unpricedCalls: number;
            };
            errors: {
                count: number;
                handled: number;
                propagated: number;
            };
            handoffs: {
                count: number;
                transfers: number;
                delegations: number;
                escalations: number;
            };
        };
        Node: components["schemas"]["EventNode"] | components["schemas"]["SpanNode"];
        EventNode: {
            /** @constant */
            kind: "event";
            matched: boolean;
            event: components["schemas"]["TraceEvent"];
            children: components["schemas"]["Node"][];
        };
        SpanNode: {
            /** @constant */
            kind: "span";
            spanId: string;
            traceId: string;
            name: string;
            /** @enum {string} */
            class: "drop" | "inert" | "plain" | "step" | "chain" | "workflow" | "agent" | "llm" | "embedding" | "rerank" | "retrieval" | "tool" | "handoff" | "guardrail" | "evaluator" | "routing" | "planning" | "approval" | "state";
            agentName: string | null;
            /** @description Nanoseconds since 1970, decimal. */
            startTimeUnixNano: string;
            endTimeUnixNano: string | null;
            durationMs: number | null;
            selfMs: number | null;
            /** @enum {string} */
            status: "ok" | "error" | "unset";
            children: components["schemas"]["Node"][];
        };
        SpanChildren: {
            span: {
                spanId: string;
                traceId: string;
                parentSpanId: string | null;
                name: string | null;
                class: ("drop" | "inert" | "plain" | "step" | "chain" | "workflow" | "agent" | "llm" | "embedding" | "rerank" | "retrieval" | "tool" | "handoff" | "guardrail" | "evaluator" | "routing" | "planning" | "approval" | "state") | null;
                durationMs: number | null;
                received: boolean;
            };
            self: components["schemas"]["TraceEvent"][];
            childSpans: {
                spanId: string;
                name: string;
                /** @enum {string} */
                class: "drop" | "inert" | "plain" | "step" | "chain" | "workflow" | "agent" | "llm" | "embedding" | "rerank" | "retrieval" | "tool" | "handoff" | "guardrail" | "evaluator" | "routing" | "planning" | "approval" | "state";
                eventCount: number;
                childCount: number;
            }[];
            data: components["schemas"]["TraceEvent"][];
            page: components["schemas"]["Page"];
        };
        SpanExplanation: {
            traceId: string;
            spanId: string;
            name: string;
            /** @enum {string} */
            class: "drop" | "inert" | "plain" | "step" | "chain" | "workflow" | "agent" | "llm" | "embedding" | "rerank" | "retrieval" | "tool" | "handoff" | "guardrail" | "evaluator" | "routing" | "planning" | "approval" | "state";
            /** @description The rule that classified the span. */
            ruleId: string;
            /** @description A rule that failed on the span, which is then a plain one. */
            defectRuleId: string | null;
            /** @description The attributes that gave each field, `event name: attribute` for those of span events. */
            fields: {
                field: string;
                attributes: string[];
            }[];
            /** @description What the rest of the trace changed. */
            stageB: string[];
            events: {
                id: string;
                /** @enum {string} */
                eventType: "llm_call" | "tool_call" | "tool_result" | "decision" | "handoff" | "guardrail_eval" | "state_change" | "error" | "response";
                name: string;
                ruleId: string;
                duplicateOf: string | null;
            }[];
            /** @description Attributes that nothing was read from. */
            unreadAttributes: string[];
        };
        SessionAnalysis: {
            sessionId: string;
            projectId: string;
            revision: number;
            algorithm: string;
            partial: boolean;
            thresholds: {
                [key: string]: number;
            };
            summary: {
                slowSpans: number;
                errorPatterns: number;
                decisionAnomalies: number;
                optimizationSuggestions: number;
                bySeverity: {
                    high: number;
                    medium: number;
                    low: number;
                };
                estimatedSavings: {
                    latencyMs: number;
                    tokens: number;
                    costAmount: number | null;
                };
            };
            slowSpans?: {
                id: string;
                kind: string;
                /** @enum {string} */
                severity: "low" | "medium" | "high";
                title: string;
                detail: string;
                turnIndexes: number[];
                evidence: string[];
                spanId: string;
                key: string;
                /** @enum {string} */
                basis: "baseline" | "absolute";
                durationMs: number;
                selfMs: number;
                excessMs: number;
                zScore: number | null;
                baseline: {
                    samples: number;
                    medianMs: number;
                    madLn: number;
                    from: string;
                    to: string;
                } | null;
                explainedBy: string[];
            }[];
            errorPatterns?: {
                id: string;
                kind: string;
                /** @enum {string} */
                severity: "low" | "medium" | "high";
                title: string;
                detail: string;
                turnIndexes: number[];
                evidence: string[];
                fingerprint: string;
                errorType: string;
                /** @enum {string} */
                errorClass: "rate_limit" | "timeout" | "auth" | "not_found" | "validation" | "content_filter" | "context_length" | "network" | "server" | "cancelled" | "unknown";
                scope: string;
                normalizedMessage: string;
                sampleMessage: string | null;
                count: number;
                turns: number;
                recovered: number;
                terminal: number;
                firstSeen: string;
                lastSeen: string;
                seenInOtherSessions: number;
                isNew: boolean;
            }[];
            decisionAnomalies?: {
                id: string;
                kind: string;
                /** @enum {string} */
                severity: "low" | "medium" | "high";
                title: string;
                detail: string;
                turnIndexes: number[];
                evidence: string[];
            }[];
            optimizationSuggestions?: {
                id: string;
                kind: string;
                /** @enum {string} */
                severity: "low" | "medium" | "high";
                title: string;
                detail: string;
                turnIndexes: number[];
                evidence: string[];
                savings: {
                    latencyMs: number;
                    tokens: number;
                    costAmount: number | null;
                };
                /** @enum {string} */
                confidence: "low" | "medium" | "high";
            }[];
        };
        LiveSessionEvent: components["schemas"]["LiveSnapshotEvent"] | components["schemas"]["LiveChangesEvent"] | components["schemas"]["LiveStatusEvent"] | components["schemas"]["LiveSessionResetEvent"] | components["schemas"]["LiveEndEvent"];
        /** @description Everything; takes the place of all that was told before. */
        LiveSnapshotEvent: {
            /** @constant */
            event: "snapshot";
            /** @description Send it back as `Last-Event-ID` to go on after this event. */
            id: string;
            data: {
                /** @description When the event was made, by the server's clock. */
                serverTime: string;
                /** @description Null when it has no span any more. */
                session: components["schemas"]["Session"] | null;
                /** @description The oldest node without an end. Count `serverTime - startedAt` on. */
                running: {
                    nodeId: string;
                    /** @description RFC 3339 in UTC with milliseconds. */
                    startedAt: string;
                    /** @description Nanoseconds since 1970, decimal. */
                    startTimeUnixNano: string;
                    /** @description Nodes without an end. */
                    openCount: number;
                    /** @description RFC 3339 in UTC with milliseconds. */
                    lastReceivedAt: string;
                    /** @description Nothing was received for `NONET_LIVE_STUCK_SECONDS`. */
                    stuck: boolean;
                } | null;
                /** @description Older or too large traces, of which no node is told. */
                omittedTraces: number;
                turns: components["schemas"]["Turn"][];
                nodes: components["schemas"]["LiveNode"][];
            };
        };
        LiveNode: {
            /** @description `<trace id>:<span id>` of what stands for a span, else the event's id; a placeholder has that of the span to come. */
            nodeId: string;
            parentNodeId: string | null;
            turnId: string | null;
            /** @description Among the children of its parent, or among the tops of its turn. */
            index: number;
            /** @constant */
            kind: "event";
            matched: boolean;
            event: components["schemas"]["TraceEvent"];
        } | {
            /** @description `<trace id>:<span id>` of what stands for a span, else the event's id; a placeholder has that of the span to come. */
            nodeId: string;
            parentNodeId: string | null;
            turnId: string | null;
            /** @description Among the children of its parent, or among the tops of its turn. */
            index: number;
            /** @constant */
            kind: "span";
            spanId: string;
            traceId: string;
            name: string;
            /** @enum {string} */
            class: "drop" | "inert" | "plain" | "step" | "chain" | "workflow" | "agent" | "llm" | "embedding" | "rerank" | "retrieval" | "tool" | "handoff" | "guardrail" | "evaluator" | "routing" | "planning" | "approval" | "state";
            agentName: string | null;
            /** @description Nanoseconds since 1970, decimal. */
            startTimeUnixNano: string;
            endTimeUnixNano: string | null;
            durationMs: number | null;
            selfMs: number | null;
            /** @enum {string} */
            status: "ok" | "error" | "unset";
        } | {
            /** @description `<trace id>:<span id>` of what stands for a span, else the event's id; a placeholder has that of the span to come. */
            nodeId: string;
            parentNodeId: string | null;
            turnId: string | null;
            /** @description Among the children of its parent, or among the tops of its turn. */
            index: number;
            /** @constant */
            kind: "placeholder";
            spanId: string;
            traceId: string;
            /** @description Nanoseconds since 1970, decimal. */
            startTimeUnixNano: string;
        };
        LiveChangesEvent: {
            /** @constant */
            event: "changes";
            /** @description Send it back as `Last-Event-ID` to go on after this event. */
            id: string;
            data: {
                /** @description When the event was made, by the server's clock. */
                serverTime: string;
                /** @description Null when it has no span any more. */
                session: components["schemas"]["Session"] | null;
                /** @description The oldest node without an end. Count `serverTime - startedAt` on. */
                running: {
                    nodeId: string;
                    /** @description RFC 3339 in UTC with milliseconds. */
                    startedAt: string;
                    /** @description Nanoseconds since 1970, decimal. */
                    startTimeUnixNano: string;
                    /** @description Nodes without an end. */
                    openCount: number;
                    /** @description RFC 3339 in UTC with milliseconds. */
                    lastReceivedAt: string;
                    /** @description Nothing was received for `NONET_LIVE_STUCK_SECONDS`. */
                    stuck: boolean;
                } | null;
                /** @description Older or too large traces, of which no node is told. */
                omittedTraces: number;
                /** @description All of them, when any has changed. */
                turns?: components["schemas"]["Turn"][];
                /** @description New or other, by `nodeId`. */
                changed: components["schemas"]["LiveNode"][];
                /** @description Node ids. */
                removed: string[];
            };
        };
        /** @description The tree is as it was. */
        LiveStatusEvent: {
            /** @constant */
            event: "status";
            /** @description Send it back as `Last-Event-ID` to go on after this event. */
            id: string;
            data: {
                /** @description When the event was made, by the server's clock. */
                serverTime: string;
                /** @description Null when it has no span any more. */
                session: components["schemas"]["Session"] | null;
                /** @description The oldest node without an end. Count `serverTime - startedAt` on. */
                running: {
                    nodeId: string;
                    /** @description RFC 3339 in UTC with milliseconds. */
                    startedAt: string;
                    /** @description Nanoseconds since 1970, decimal. */
                    startTimeUnixNano: string;
                    /** @description Nodes without an end. */
                    openCount: number;
                    /** @description RFC 3339 in UTC with milliseconds. */
                    lastReceivedAt: string;
                    /** @description Nothing was received for `NONET_LIVE_STUCK_SECONDS`. */
                    stuck: boolean;
                } | null;
                /** @description Older or too large traces, of which no node is told. */
                omittedTraces: number;
            };
        };
        /** @description A snapshot follows. */
        LiveSessionResetEvent: {
            /** @constant */
            event: "reset";
            data: {
                /** @description When the event was made, by the server's clock. */
                serverTime: string;
                /** @enum {string} */
                reason: "unknown_id" | "expired_id" | "feed_lost";
            };
        };
        /** @description The server ends the stream, and `retry` says how soon to come back. */
        LiveEndEvent: {
            /** @constant */
            event: "end";
            data: {
                /** @description When the event was made, by the server's clock. */
                serverTime: string;
                /** @enum {string} */
                reason: "closing" | "key_revoked" | "unavailable" | "failed";
            };
        };
        LiveProjectEvent: components["schemas"]["LiveReadyEvent"] | components["schemas"]["LiveChangeEvent"] | components["schemas"]["LiveProjectResetEvent"] | components["schemas"]["LiveEndEvent"];
        /** @description From here on no change is missed. */
        LiveReadyEvent: {
            /** @constant */
            event: "ready";
            /** @description Send it back as `Last-Event-ID` to go on after this event. */
            id?: string;
            data: {
                /** @description When the event was made, by the server's clock. */
                serverTime: string;
            };
        };
        LiveChangeEvent: {
            /** @constant */
            event: "change";
            /** @description Send it back as `Last-Event-ID` to go on after this event. */
            id?: string;
            data: {
                /** @description When the event was made, by the server's clock. */
                serverTime: string;
                sessionId: string;
                /** @description Those that changed. A version only grows while a trace changes. */
                traces: {
                    traceId: string;
                    version: string;
                }[];
                /** @description As in the list; null when it has no span any more. */
                session: components["schemas"]["Session"] | null;
            };
        };
        /** @description Changes may be missing here: read again what you show. */
        LiveProjectResetEvent: {
            /** @constant */
            event: "reset";
            /** @description Send it back as `Last-Event-ID` to go on after this event. */
            id?: string;
            data: {
                /** @description When the event was made, by the server's clock. */
                serverTime: string;
                /** @enum {string} */
                reason: "unknown_id" | "expired_id" | "feed_lost";
            };
        };
        TenantTraceList: {
            data: components["schemas"]["TenantTraceSummary"][];
            page: number;
            per_page: number;
            has_more: boolean;
            next_cursor: string | null;
        };
        TenantTraceSummary: {
            traceId: string;
            promptName: string;
            /** @enum {string} */
            status: "completed" | "failed" | "running";
            tags: string[];
            inputTokens: number | null;
            outputTokens: number | null;
            totalTokens: number | null;
            /** @description US dollars, at most 9 decimals. */
            cost: number | null;
            /** @description Whole milliseconds. */
            duration: number;
            modelConfig: {
                model: string | null;
                provider: string | null;
                temperature?: number;
            } | null;
            /** @description RFC 3339 in UTC with milliseconds. */
            createdAt: string;
        };
        TenantTraceDetail: {
            traceId: string;
            promptName: string;
            messages: components["schemas"]["TenantTraceMessage"][];
            output: {
                message: string | null;
                success: boolean | null;
                toolCalls?: components["schemas"]["TenantToolCall"][];
                finishReason?: string;
            };
            inputTokens: number | null;
            outputTokens: number | null;
            totalTokens: number | null;
            /** @description US dollars, at most 9 decimals. */
            cost: number | null;
            /** @constant */
            costCurrency: "USD";
            /** @description Whole milliseconds. */
            duration: number;
            modelConfig: components["schemas"]["TenantModelConfig"] | null;
            tools: components["schemas"]["TenantTool"][];
            toolChoice: string | null;
            /** @enum {string} */
            status: "completed" | "failed" | "running";
            tags: string[];
            metadata: {
                [key: string]: unknown;
            };
            /** @description RFC 3339 in UTC with milliseconds. */
            createdAt: string;
            /** @description `createdAt` in milliseconds since 1970. */
            timestamp: number;
            error: {
                type: string;
                message: string | null;
            } | null;
            usage: {
                calls: number;
                callsMissingUsage: number;
                unpricedCalls: number;
                cacheReadInputTokens: number | null;
                cacheCreationInputTokens: number | null;
                reasoningOutputTokens: number | null;
            };
            /** @constant */
            contentWithheld?: true;
            /** @constant */
            contentTruncated?: true;
            events?: components["schemas"]["TraceEvent"][];
            /** @constant */
            eventsTruncated?: true;
        };
        TenantTraceMessage: {
            role: string;
            content: string;
            tool_calls?: components["schemas"]["TenantToolCall"][];
            tool_call_id?: string;
            name?: string;
            parts?: ({
                type: string;
            } & {
                [key: string]: unknown;
            })[];
        };
        TenantToolCall: {
            id: string;
            name: string;
            args: {
                [key: string]: unknown;
            };
        };
        TenantModelConfig: {
            model: string | null;
            provider: string | null;
            temperature?: number;
            max_tokens?: number;
            top_p?: number;
            top_k?: number;
            frequency_penalty?: number;
            presence_penalty?: number;
            seed?: number;
            n?: number;
            stop?: string[];
            /** @description Any JSON value. */
            response_format?: unknown;
        } & {
            [key: string]: unknown;
        };
        TenantTool: {
            name: string;
            description: string | null;
            /** @description Any JSON value. */
            parameters: unknown;
            metadata: {
                [key: string]: unknown;
            };
        };
        ProjectMetrics: {
            from: string;
            to: string;
            step: number;
            groupBy: ("agent" | "model" | "provider" | "tool" | "environment")[];
            data: {
                start: string;
                end: string;
                group: {
                    [key: string]: string;
                };
                llm: {
                    calls: number;
                    errors: number;
                    callsWithoutUsage: number;
                    latency: {
                        /** @description Exact; null where only the histogram is kept. */
                        meanMs: number | null;
                        /** @description Within 4.5%, as are the other percentiles: middle of a bucket of the histogram. */
                        p50Ms: number | null;
                        p95Ms: number | null;
                        p99Ms: number | null;
                    };
                    timeToFirstToken: {
                        /** @description Exact; null where only the histogram is kept. */
                        meanMs: number | null;
                        /** @description Within 4.5%, as are the other percentiles: middle of a bucket of the histogram. */
                        p50Ms: number | null;
                        p95Ms: number | null;
                        p99Ms: number | null;
                    };
                };
                tokens: {
                    input: number;
                    output: number;
                    total: number;
                    cachedInput: number;
                    reasoning: number;
                };
                cost: {
                    amount: number;
                    /** @constant */
                    currency: "USD";
                    unpricedCalls: number;
                };
                tools: {
                    results: number;
                    errors: number;
                    successRate: number | null;
                    latency: {
                        /** @description Exact; null where only the histogram is kept. */
                        meanMs: number | null;
                        /** @description Within 4.5%, as are the other percentiles: middle of a bucket of the histogram. */
                        p50Ms: number | null;
                        p95Ms: number | null;
                        p99Ms: number | null;
                    };
                };
                guardrails: {
                    evaluations: number;
                    blocked: number;
                    blockRate: number | null;
                };
                handoffs: {
                    count: number;
                    edges: {
                        edge: string;
                        count: number;
                    }[];
                };
                errors: number;
                responses: {
                    count: number;
                    errors: number;
                    latency: {
                        /** @description Exact; null where only the histogram is kept. */
                        meanMs: number | null;
                        /** @description Within 4.5%, as are the other percentiles: middle of a bucket of the histogram. */
                        p50Ms: number | null;
                        p95Ms: number | null;
                        p99Ms: number | null;
                    };
                };
            }[];
        };
        ProjectSettings: {
            /** @description Grows by one with each change; 0 before the first. Spans are stamped with it. */
            version: number;
            /**
             * @description Names of instrumentation scopes; a `*` at the end stands for any ending.
             * @default []
             */
            ignoredScopes: string[];
            /** @default [] */
            maskingRules: {
                /** @description Names the rule in errors. */
                name: string;
                /** @description Regular expression of RE2: without look-around and back references, in exchange linear in the text. Left out, whole values of `attributes` are masked. */
                pattern?: string;
                /** @description Names of attributes, `*` for any characters. With them the rule looks at these attributes only. */
                attributes?: string[];
                /**
                 * @description Written in place of what the pattern matches; `$1` is its first group, `$$` a dollar.
                 * @default [masked]
                 */
                replacement: string;
            }[];
            /** @default [] */
            priceOverrides: {
                /** @description As events state it; any provider when left out. */
                provider?: string;
                /** @description Model that answered, else that was asked; case does not matter, `*` is any characters. */
                model: string;
                /**
                 * Format: date-time
                 * @description Calls that start from then on; of several entries that match equally well the latest is in effect.
                 */
                from?: string;
                /** @description USD per million tokens, as are the other rates of tokens. */
                input: number | {
                    base: number;
                    tiers: {
                        above: number;
                        price: number;
                    }[];
                };
                output: number | {
                    base: number;
                    tiers: {
                        above: number;
                        price: number;
                    }[];
                };
                /** @description The rate of `input` when left out. */
                cacheRead?: number | {
                    base: number;
                    tiers: {
                        above: number;
                        price: number;
                    }[];
                };
                /** @description The rate of `input` when left out. */
                cacheWrite?: number | {
                    base: number;
                    tiers: {
                        above: number;
                        price: number;
                    }[];
                };
                /** @description USD a call. */
                perRequest?: number;
            }[];
            changedAt: string | null;
            /** @description `cli`, or the id of an API key. */
            changedBy: string | null;
        };
        Diagnostics: {
            from: string;
            to: string;
            /** @description Counts are of one in so many traces, chosen by their id; 1 where all were counted. */
            sampledOneIn: number;
            spans: number;
            mappingVersions: {
                version: number;
                spans: number;
                inForce: boolean;
            }[];
            /** @description Most spans first. */
            scopes: components["schemas"]["ScopeDiagnostics"][];
            /** @description Scopes with fewer spans that are not listed. */
            scopesOmitted: number;
            /** @description By name of the scope. */
            modelCalls: {
                scope: string;
                /** @description Without copies. */
                calls: number;
                withoutTokens: number;
                /** @description Calls with tokens and without a cost. */
                unpriced: number;
                /** @description Calls that another scope reports too; they count nowhere else. */
                copies: number;
            }[];
            /** @description What lies in the quarantine of the project, of any time. */
            quarantined: {
                reason: string;
                count: number;
            }[];
            findings: {
                /** @enum {string} */
                kind: "double_instrumentation" | "session_missing" | "content_missing" | "tokens_missing" | "unpriced_calls" | "clock_skew" | "late_arrival" | "unmapped_scope" | "truncated" | "source_dropped" | "stale_mapping" | "rejected_spans";
                scopes: string[];
                /** @description Spans, or calls, that show it. */
                count: number;
                detail: string;
                /** @description What to change, in the sender mostly. */
                advice: string;
            }[];
        };
        ScopeDiagnostics: {
            name: string;
            version: string;
            /** @description In whose words its spans speak, most spans first. */
            dialects: string[];
            spans: number;
            /** @description Most spans first. */
            byClass: {
                class: string;
                spans: number;
            }[];
            /** @description Of class `drop`: placeholders, and spans of scopes that the project ignores. */
            hidden: number;
            /** @description Of them, those of ignored scopes. */
            ignored: number;
            /** @description Spans that speak of agents in words that no rule knows; they are plain steps. */
            unrecognised: number;
            /** @description Spans of agents' work in traces that say no session. */
            withoutSession: number;
            /** @description Spans that start more than a minute after they were received. */
            clockAhead: number;
            /** @description Spans received more than a day after their end. */
            late: number;
            /** @description Of some spans of the scope, mapped again. */
            sample: {
                spans: number;
                modelCalls: number;
                callsWithoutContent: number;
                /** @description Spans whose times lie outside this century. */
                clockSkew: number;
                /** @description Spans whose sender says that it left something out. */
                sourceDropped: number;
                /** @description Limits of the mapping that cut something. */
                limits: {
                    limit: string;
                    spans: number;
                }[];
                /** @description Attributes that nothing was read from, those on most spans first; `*` stands for an index. */
                unreadAttributes: {
                    attribute: string;
                    spans: number;
                }[];
            };
        };
        Quarantine: {
            data: components["schemas"]["QuarantineEntry"][];
            /** @description Of the whole quarantine. */
            reasons: {
                reason: string;
                count: number;
            }[];
            page: {
                limit: number;
                count: number;
                total: null;
                hasMore: boolean;
                nextCursor: string | null;
            };
        };
        QuarantineEntry: {
            id: string;
            /** @enum {string} */
            kind: "rejected_span" | "dead_letter";
            /** @description For filters: `invalid_trace_id`, `record_unreadable`. */
            reason: string;
            detail: string;
            /** @enum {string} */
            state: "held" | "replaying" | "replayed";
            /** @description Why the last replay did not succeed. */
            outcome: string | null;
            at: string;
            replayedAt: string | null;
            /** @description Hex, as far as it is known; may be empty. */
            traceId: string;
            spanId: string;
            /** @description `topic/partition/offset` of a dead letter. */
            source: string | null;
            /**
             * @description What the bytes are.
             * @enum {string}
             */
            form: "otlp_request" | "agent_record" | "unreadable_proto" | "unreadable_json";
            /** @description Bytes, whole. */
            size: number;
            /** @description Not all bytes are kept; it cannot be replayed. */
            truncated: boolean;
        };
        QuarantineReplay: {
            /** @description Entries that will be sent through the log again; their `state` tells how it went. */
            requested: number;
            /** @description Entries whose bytes are not whole. */
            notReplayable: number;
        };
        QuarantineEntryDetail: {
            id: string;
            /** @enum {string} */
            kind: "rejected_span" | "dead_letter";
            /** @description For filters: `invalid_trace_id`, `record_unreadable`. */
            reason: string;
            detail: string;
            /** @enum {string} */
            state: "held" | "replaying" | "replayed";
            /** @description Why the last replay did not succeed. */
            outcome: string | null;
            at: string;
            replayedAt: string | null;
            /** @description Hex, as far as it is known; may be empty. */
            traceId: string;
            spanId: string;
            /** @description `topic/partition/offset` of a dead letter. */
            source: string | null;
            /**
             * @description What the bytes are.
             * @enum {string}
             */
            form: "otlp_request" | "agent_record" | "unreadable_proto" | "unreadable_json";
            /** @description Bytes, whole. */
            size: number;
            /** @description Not all bytes are kept; it cannot be replayed. */
            truncated: boolean;
            /** @description The token lacks `traces:content`. */
            contentWithheld: boolean;
            /** @description Base64, masked. */
            bytes: string | null;
            /** @description The bytes as UTF-8, when they are that. */
            text: string | null;
            /** @description OTLP/JSON of the span, when it can be decoded. */
            decoded: {
                resource: unknown;
                scope: unknown;
                span: unknown;
            } | null;
        };
        Receipt: {
            /** @enum {string} */
            state: "logged" | "stored" | "queryable" | "expired";
            /** @description When the log had all accepted spans of the request. */
            loggedAt: string;
            acceptedSpans: number;
            rejectedSpans: number;
            log: {
                /** @description Null when nothing was accepted. */
                topic: string | null;
                partitions: {
                    partition: number;
                    /** @description Decimal; of the last span there. */
                    lastOffset: string;
                }[];
            };
            /** @description The rejected spans, as long as the quarantine holds them; at most 1,000. */
            rejected: {
                quarantineId: string;
                reason: string;
                detail: string;
                /** @description As far as it was hex digits; may be empty. */
                traceId: string;
                spanId: string;
            }[];
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    listSessions: {
        parameters: {
            query?: {
                /** @description Session statuses; default all but `archived`. */
                status?: ("active" | "idle" | "completed" | "failed" | "abandoned" | "escalated" | "archived")[];
                /** @description Agent names; any agent of the session. */
                agent?: string[];
                /** @description Environments, exact. */
                environment?: string[];
                /** @description Channels, exact. */
                channel?: string[];
                /** @description User ids, exact. */
                userId?: string[];
                /** @description Request or response models of any call, exact. */
                model?: string[];
                /** @description Tags, exact. */
                tag?: string[];
                /** @description Earliest `startedAt`, inclusive. */
                from?: string;
                /** @description Latest `startedAt`, exclusive. */
                to?: string;
                /** @description Earliest `lastActivityAt`, inclusive. */
                activeFrom?: string;
                /** @description Latest `lastActivityAt`, exclusive. */
                activeTo?: string;
                /** @description Whether any error counts. */
                hasErrors?: "true" | "false";
                /** @description Part of the id, the user id or an agent name, in any case. */
                q?: string;
                /** @description Order; default `-startedAt`. Ties by id. */
                sort?: "startedAt" | "-startedAt" | "lastActivityAt" | "-lastActivityAt";
                /** @description `total` fills `page.total`. */
                include?: "total"[];
                /** @description Sessions; default 50. */
                limit?: number;
                /** @description `page.nextCursor` of the page before. */
                cursor?: string;
            };
            header?: never;
            path: {
                /** @description The project of the token. */
                projectId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SessionList"];
                };
            };
            /** @description Not modified since the answer whose ETag `If-None-Match` names. */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description INVALID_PARAMETER or INVALID_CURSOR or INVALID_BODY */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description UNAUTHORIZED */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description FORBIDDEN */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description METHOD_NOT_ALLOWED */
            405: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_ACCEPTABLE */
            406: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description URI_TOO_LONG */
            414: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description HEAD_TOO_LARGE */
            431: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    exportTraces: {
        parameters: {
            query?: {
                /** @description `csv` (default), `ndjson` or `json`. */
                format?: "csv" | "ndjson" | "json";
                /** @description Session ids; unknown ones are without rows. */
                sessionId?: string[];
                /** @description Event types; default all nine. */
                eventType?: ("llm_call" | "tool_call" | "tool_result" | "decision" | "handoff" | "guardrail_eval" | "state_change" | "error" | "response")[];
                /** @description Kinds of decision (tool_selection, handoff, routing, planning, approval, interrupt, deferral); only `decision` events match. */
                decisionKind?: string[];
                /** @description Agent names, exact. */
                agent?: string[];
                /** @description Event statuses. */
                status?: ("ok" | "error" | "unset")[];
                /** @description Request or response models of model calls, exact. */
                model?: string[];
                /** @description Environments, exact. */
                environment?: string[];
                /** @description Channels, exact. */
                channel?: string[];
                /** @description Session statuses; default all but `archived`. */
                sessionStatus?: ("active" | "idle" | "completed" | "failed" | "abandoned" | "escalated" | "archived")[];
                /** @description Earliest event time, inclusive. */
                from?: string;
                /** @description Latest event time, exclusive. */
                to?: string;
                /** @description CSV only: columns, in the order given. */
                columns?: ("sessionId" | "turnIndex" | "eventId" | "parentId" | "traceId" | "spanId" | "parentSpanId" | "type" | "decisionKind" | "name" | "agentName" | "timestamp" | "durationMs" | "status" | "provider" | "model" | "inputTokens" | "outputTokens" | "totalTokens" | "cost" | "costCurrency" | "toolName" | "callId" | "guardrailResult" | "guardrailAction" | "handoffFrom" | "handoffTo" | "errorType" | "errorMessage" | "data" | "turnId" | "runId" | "agentId" | "sessionIdSource" | "flags" | "timeUnixNano" | "endTimeUnixNano" | "environment" | "channel" | "userId" | "promptName" | "finishReasons")[];
                /** @description How much of messages, arguments and results to give: `full` (default), `preview` (1,024 characters) or `none`. */
                content?: "full" | "preview" | "none";
                /** @description CSV only: begin with a UTF-8 byte-order mark. */
                bom?: "true" | "false";
            };
            header?: never;
            path: {
                /** @description The project of the token. */
                projectId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/csv": string;
                    "application/x-ndjson": string;
                    "application/json": {
                        data: components["schemas"]["TraceEvent"][];
                        rows: number;
                    };
                };
            };
            /** @description Not modified since the answer whose ETag `If-None-Match` names. */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description INVALID_PARAMETER or INVALID_CURSOR or INVALID_BODY */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description UNAUTHORIZED */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description FORBIDDEN */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description METHOD_NOT_ALLOWED */
            405: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_ACCEPTABLE */
            406: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description URI_TOO_LONG */
            414: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description HEAD_TOO_LARGE */
            431: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listGenerations: {
        parameters: {
            query?: {
                /** @description Response or request models, exact. */
                model?: string[];
                /** @description Providers, exact. */
                provider?: string[];
                /** @description Session ids. */
                sessionId?: string[];
                /** @description Agent names, exact. */
                agent?: string[];
                /** @description Prompt names, exact. */
                promptName?: string[];
                /** @description Operations, exact. */
                operation?: string[];
                /** @description Event statuses. */
                status?: ("ok" | "error" | "unset")[];
                /** @description Environments, exact. */
                environment?: string[];
                /** @description Earliest start, inclusive. */
                from?: string;
                /** @description Latest start, exclusive. */
                to?: string;
                /** @description Shortest duration; calls without one never match. */
                minDurationMs?: number;
                /** @description Fewest total tokens; calls without a total never match. */
                minTokens?: number;
                /** @description By time and id; default `desc`. */
                order?: "asc" | "desc";
                /** @description `aggregates` over all matches (`from` and `to` at most 31 days apart); `total` fills `page.total`. */
                include?: ("aggregates" | "total")[];
                /** @description As elsewhere, but `none` by default. */
                content?: "full" | "preview" | "none";
                /** @description `json` (default); `csv` and `ndjson` stream all matches. */
                format?: "json" | "csv" | "ndjson";
                /** @description JSON only: calls; default 100. */
                limit?: number;
                /** @description `page.nextCursor` of the page before. */
                cursor?: string;
            };
            header?: never;
            path: {
                /** @description The project of the token. */
                projectId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Generations"];
                    "text/csv": string;
                    "application/x-ndjson": string;
                };
            };
            /** @description Not modified since the answer whose ETag `If-None-Match` names. */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description INVALID_PARAMETER or INVALID_CURSOR or INVALID_BODY */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description UNAUTHORIZED */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description FORBIDDEN */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description METHOD_NOT_ALLOWED */
            405: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_ACCEPTABLE */
            406: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description URI_TOO_LONG */
            414: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description HEAD_TOO_LARGE */
            431: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getSession: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The project of the token. */
                projectId: string;
                /** @description Verbatim, case-sensitive. */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SessionDetail"];
                };
            };
            /** @description Not modified since the answer whose ETag `If-None-Match` names. */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description INVALID_PARAMETER or INVALID_CURSOR or INVALID_BODY */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description UNAUTHORIZED */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description FORBIDDEN */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description METHOD_NOT_ALLOWED */
            405: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_ACCEPTABLE */
            406: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description URI_TOO_LONG */
            414: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description HEAD_TOO_LARGE */
            431: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getSessionTraces: {
        parameters: {
            query?: {
                /** @description Event types; default all nine. */
                eventType?: ("llm_call" | "tool_call" | "tool_result" | "decision" | "handoff" | "guardrail_eval" | "state_change" | "error" | "response")[];
                /** @description Kinds of decision (tool_selection, handoff, routing, planning, approval, interrupt, deferral); only `decision` events match. */
                decisionKind?: string[];
                /** @description Earliest event time, inclusive. */
                from?: string;
                /** @description Latest event time, exclusive. */
                to?: string;
                /** @description Turn indexes or turn ids. */
                turn?: string[];
                /** @description Agent names, exact. */
                agent?: string[];
                /** @description Event names, exact. */
                name?: string[];
                /** @description Event statuses. */
                status?: ("ok" | "error" | "unset")[];
                /** @description Trace ids. */
                traceId?: string[];
                /** @description Shortest duration; events without one never match. */
                minDurationMs?: number;
                /** @description `flat` (default) or `tree`. */
                view?: "flat" | "tree";
                /** @description Tree only: `omit` structural spans, keep those above an event (`ancestors`, default), or `all`. */
                structure?: "omit" | "ancestors" | "all";
                /** @description Flat only: `asc` (default) or `desc`. */
                order?: "asc" | "desc";
                /** @description `metrics` of the whole session; `attributes` of each event's span. */
                include?: ("metrics" | "attributes")[];
                /** @description How much of messages, arguments and results to give: `full` (default), `preview` (1,024 characters) or `none`. */
                content?: "full" | "preview" | "none";
                /** @description Flat: events, default 1000, at most 5000. Tree: turns, default 100, at most 500. */
                limit?: number;
                /** @description `page.nextCursor` of the page before. */
                cursor?: string;
            };
            header?: never;
            path: {
                /** @description The project of the token. */
                projectId: string;
                /** @description Verbatim, case-sensitive. */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SessionTraces"];
                };
            };
            /** @description Not modified since the answer whose ETag `If-None-Match` names. */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description INVALID_PARAMETER or INVALID_CURSOR or INVALID_BODY */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description UNAUTHORIZED */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description FORBIDDEN */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description METHOD_NOT_ALLOWED */
            405: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_ACCEPTABLE */
            406: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description URI_TOO_LONG */
            414: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description HEAD_TOO_LARGE */
            431: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getSpanChildren: {
        parameters: {
            query?: {
                /** @description Levels of spans below, 1 to 100, or `all`; default 1. */
                depth?: string & (number | "all");
                /** @description Needed when the span id occurs in two traces of the session. */
                traceId?: string;
                /** @description Event types; default all nine. */
                eventType?: ("llm_call" | "tool_call" | "tool_result" | "decision" | "handoff" | "guardrail_eval" | "state_change" | "error" | "response")[];
                /** @description Kinds of decision (tool_selection, handoff, routing, planning, approval, interrupt, deferral); only `decision` events match. */
                decisionKind?: string[];
                /** @description How much of messages, arguments and results to give: `full` (default), `preview` (1,024 characters) or `none`. */
                content?: "full" | "preview" | "none";
                /** @description `attributes` of each event's span. */
                include?: "attributes"[];
                /** @description Events; default 1000. */
                limit?: number;
                /** @description `page.nextCursor` of the page before. */
                cursor?: string;
            };
            header?: never;
            path: {
                /** @description The project of the token. */
                projectId: string;
                /** @description Verbatim, case-sensitive. */
                sessionId: string;
                /** @description 16 hex digits in any case. */
                spanId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SpanChildren"];
                };
            };
            /** @description Not modified since the answer whose ETag `If-None-Match` names. */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description INVALID_PARAMETER or INVALID_CURSOR or INVALID_BODY */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description UNAUTHORIZED */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description FORBIDDEN */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description METHOD_NOT_ALLOWED */
            405: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_ACCEPTABLE */
            406: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description CONFLICT or AMBIGUOUS_SPAN */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description URI_TOO_LONG */
            414: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description HEAD_TOO_LARGE */
            431: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    explainSpan: {
        parameters: {
            query?: {
                /** @description Needed when the span id occurs in two traces of the session. */
                traceId?: string;
            };
            header?: never;
            path: {
                /** @description The project of the token. */
                projectId: string;
                /** @description Verbatim, case-sensitive. */
                sessionId: string;
                /** @description 16 hex digits in any case. */
                spanId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SpanExplanation"];
                };
            };
            /** @description Not modified since the answer whose ETag `If-None-Match` names. */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description INVALID_PARAMETER or INVALID_CURSOR or INVALID_BODY */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description UNAUTHORIZED */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description FORBIDDEN */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description METHOD_NOT_ALLOWED */
            405: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_ACCEPTABLE */
            406: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description CONFLICT or AMBIGUOUS_SPAN */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description URI_TOO_LONG */
            414: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description HEAD_TOO_LARGE */
            431: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getSessionMetrics: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The project of the token. */
                projectId: string;
                /** @description Verbatim, case-sensitive. */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SessionMetrics"];
                };
            };
            /** @description Not modified since the answer whose ETag `If-None-Match` names. */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description INVALID_PARAMETER or INVALID_CURSOR or INVALID_BODY */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description UNAUTHORIZED */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description FORBIDDEN */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description METHOD_NOT_ALLOWED */
            405: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_ACCEPTABLE */
            406: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description URI_TOO_LONG */
            414: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description HEAD_TOO_LARGE */
            431: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getSessionAnalysis: {
        parameters: {
            query?: {
                /** @description Sections to give; default all. */
                section?: ("slowSpans" | "errorPatterns" | "decisionAnomalies" | "optimizationSuggestions")[];
                /** @description Least severity; default `low`. */
                minSeverity?: "low" | "medium" | "high";
                /** @description Findings per section; default 20. */
                limit?: number;
            };
            header?: never;
            path: {
                /** @description The project of the token. */
                projectId: string;
                /** @description Verbatim, case-sensitive. */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SessionAnalysis"];
                };
            };
            /** @description Not modified since the answer whose ETag `If-None-Match` names. */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description INVALID_PARAMETER or INVALID_CURSOR or INVALID_BODY */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description UNAUTHORIZED */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description FORBIDDEN */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description METHOD_NOT_ALLOWED */
            405: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_ACCEPTABLE */
            406: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description URI_TOO_LONG */
            414: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description HEAD_TOO_LARGE */
            431: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    followSession: {
        parameters: {
            query?: {
                /** @description As the header `Last-Event-ID`, for clients that cannot set it; the header wins. */
                lastEventId?: string;
                /** @description How much of messages, arguments and results to give: `preview` (1,024 characters, default) or `none`. */
                content?: "preview" | "none";
            };
            header?: {
                /** @description Id of the last event that was seen: what came since follows. */
                "Last-Event-ID"?: string;
            };
            path: {
                /** @description The project of the token. */
                projectId: string;
                /** @description Verbatim, case-sensitive. */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": components["schemas"]["LiveSessionEvent"];
                };
            };
            /** @description INVALID_PARAMETER or INVALID_CURSOR or INVALID_BODY */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description UNAUTHORIZED */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description FORBIDDEN */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description METHOD_NOT_ALLOWED */
            405: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_ACCEPTABLE */
            406: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description URI_TOO_LONG */
            414: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description HEAD_TOO_LARGE */
            431: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    followProject: {
        parameters: {
            query?: {
                /** @description As the header `Last-Event-ID`, for clients that cannot set it; the header wins. */
                lastEventId?: string;
            };
            header?: {
                /** @description Id of the last event that was seen: what came since follows. */
                "Last-Event-ID"?: string;
            };
            path: {
                /** @description The project of the token. */
                projectId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": components["schemas"]["LiveProjectEvent"];
                };
            };
            /** @description INVALID_PARAMETER or INVALID_CURSOR or INVALID_BODY */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description UNAUTHORIZED */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description FORBIDDEN */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description METHOD_NOT_ALLOWED */
            405: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_ACCEPTABLE */
            406: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description URI_TOO_LONG */
            414: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description HEAD_TOO_LARGE */
            431: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listTenantTraces: {
        parameters: {
            query?: {
                /** @description Page, from 1; default 1. */
                page?: number;
                /** @description Traces on a page; default 20, at most 100. `page` × `per_page` is at most 10000. */
                per_page?: number;
                /** @description Part of the prompt name or of a model, in any case; no wildcards. Blank: no filter. */
                search?: string;
                /** @description `next_cursor` of the page before; not together with `page`. */
                cursor?: string;
                /** @description Trace statuses. */
                status?: ("completed" | "failed" | "running")[];
                /** @description Request or response models of any call, exact. */
                model?: string[];
                /** @description Prompt names, exact. */
                prompt?: string[];
                /** @description Tags, exact; any of them. */
                tag?: string[];
                /** @description Sessions that an event of the trace lies in. */
                session_id?: string[];
                /** @description Earliest `createdAt`, inclusive. */
                from?: string;
                /** @description Latest `createdAt`, exclusive. */
                to?: string;
            };
            header?: never;
            path: {
                /** @description The tenant of the token. */
                tenantId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TenantTraceList"];
                };
            };
            /** @description Not modified since the answer whose ETag `If-None-Match` names. */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description INVALID_PARAMETER or INVALID_CURSOR or INVALID_BODY */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description UNAUTHORIZED */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description FORBIDDEN */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description METHOD_NOT_ALLOWED */
            405: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_ACCEPTABLE */
            406: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description URI_TOO_LONG */
            414: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description HEAD_TOO_LARGE */
            431: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getTenantTrace: {
        parameters: {
            query?: {
                /** @description `events`: the trace's events, as the session traces API gives them. */
                include?: "events"[];
            };
            header?: never;
            path: {
                /** @description The tenant of the token. */
                tenantId: string;
                /** @description Verbatim, case-sensitive. */
                traceId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TenantTraceDetail"];
                };
            };
            /** @description Not modified since the answer whose ETag `If-None-Match` names. */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description INVALID_PARAMETER or INVALID_CURSOR or INVALID_BODY */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description UNAUTHORIZED */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description FORBIDDEN */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description METHOD_NOT_ALLOWED */
            405: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_ACCEPTABLE */
            406: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description URI_TOO_LONG */
            414: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description HEAD_TOO_LARGE */
            431: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getProjectMetrics: {
        parameters: {
            query?: {
                /** @description Start, inclusive; rounded down to the step. Default: one hour before `to`. */
                from?: string;
                /** @description End, exclusive; rounded up to the step. Default: now. */
                to?: string;
                /** @description Length of a window in seconds: 60 (default), 300, 3600 or 86400. */
                step?: "60" | "300" | "3600" | "86400";
                /** @description Dimensions to group by. */
                groupBy?: ("agent" | "model" | "provider" | "tool" | "environment")[];
                /** @description Agent names, exact. */
                agent?: string[];
                /** @description Models that answered, else that were asked, exact. */
                model?: string[];
                /** @description Providers, exact. */
                provider?: string[];
                /** @description Tool names, exact. */
                tool?: string[];
                /** @description Environments, exact. */
                environment?: string[];
            };
            header?: never;
            path: {
                /** @description The project of the token. */
                projectId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProjectMetrics"];
                };
            };
            /** @description Not modified since the answer whose ETag `If-None-Match` names. */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description INVALID_PARAMETER or INVALID_CURSOR or INVALID_BODY */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description UNAUTHORIZED */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description FORBIDDEN */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description METHOD_NOT_ALLOWED */
            405: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_ACCEPTABLE */
            406: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description URI_TOO_LONG */
            414: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description HEAD_TOO_LARGE */
            431: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getProjectSettings: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The project of the token. */
                projectId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProjectSettings"];
                };
            };
            /** @description Not modified since the answer whose ETag `If-None-Match` names. */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description UNAUTHORIZED */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description FORBIDDEN */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description METHOD_NOT_ALLOWED */
            405: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_ACCEPTABLE */
            406: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description URI_TOO_LONG */
            414: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description HEAD_TOO_LARGE */
            431: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    putProjectSettings: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The project of the token. */
                projectId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ProjectSettingsChange"];
            };
        };
        responses: {
            /** @description What it is now. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProjectSettings"];
                };
            };
            /** @description INVALID_PARAMETER or INVALID_CURSOR or INVALID_BODY */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description UNAUTHORIZED */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description FORBIDDEN */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description METHOD_NOT_ALLOWED */
            405: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_ACCEPTABLE */
            406: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description CONFLICT or AMBIGUOUS_SPAN */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description PAYLOAD_TOO_LARGE */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description URI_TOO_LONG */
            414: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description UNSUPPORTED_MEDIA_TYPE */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description HEAD_TOO_LARGE */
            431: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getDiagnostics: {
        parameters: {
            query?: {
                /** @description Start, inclusive, by the start of spans. Default: one day before `to`. */
                from?: string;
                /** @description End, exclusive. Default: now. */
                to?: string;
            };
            header?: never;
            path: {
                /** @description The project of the token. */
                projectId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Diagnostics"];
                };
            };
            /** @description Not modified since the answer whose ETag `If-None-Match` names. */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description INVALID_PARAMETER or INVALID_CURSOR or INVALID_BODY */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description UNAUTHORIZED */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description FORBIDDEN */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description METHOD_NOT_ALLOWED */
            405: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_ACCEPTABLE */
            406: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description URI_TOO_LONG */
            414: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description HEAD_TOO_LARGE */
            431: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listQuarantine: {
        parameters: {
            query?: {
                /** @description Entries with this reason. */
                reason?: string;
                /** @description Rejected spans or dead letters. */
                kind?: "rejected_span" | "dead_letter";
                /** @description Entries in this state. */
                state?: "held" | "replaying" | "replayed";
                /** @description Entries; default 50. */
                limit?: number;
                /** @description `page.nextCursor` of the page before. */
                cursor?: string;
            };
            header?: never;
            path: {
                /** @description The project of the token. */
                projectId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Quarantine"];
                };
            };
            /** @description Not modified since the answer whose ETag `If-None-Match` names. */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description INVALID_PARAMETER or INVALID_CURSOR or INVALID_BODY */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description UNAUTHORIZED */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description FORBIDDEN */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description METHOD_NOT_ALLOWED */
            405: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_ACCEPTABLE */
            406: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description URI_TOO_LONG */
            414: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description HEAD_TOO_LARGE */
            431: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    replayQuarantine: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The project of the token. */
                projectId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    ids: string[];
                } | {
                    reason: string;
                };
            };
        };
        responses: {
            /** @description Taken; the work follows. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["QuarantineReplay"];
                };
            };
            /** @description INVALID_PARAMETER or INVALID_CURSOR or INVALID_BODY */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description UNAUTHORIZED */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description FORBIDDEN */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description METHOD_NOT_ALLOWED */
            405: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_ACCEPTABLE */
            406: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description PAYLOAD_TOO_LARGE */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description URI_TOO_LONG */
            414: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description UNSUPPORTED_MEDIA_TYPE */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description HEAD_TOO_LARGE */
            431: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getQuarantineEntry: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The project of the token. */
                projectId: string;
                /** @description Verbatim, case-sensitive. */
                entryId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["QuarantineEntryDetail"];
                };
            };
            /** @description Not modified since the answer whose ETag `If-None-Match` names. */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description UNAUTHORIZED */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description FORBIDDEN */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description METHOD_NOT_ALLOWED */
            405: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_ACCEPTABLE */
            406: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description URI_TOO_LONG */
            414: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description HEAD_TOO_LARGE */
            431: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getReceipt: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Verbatim, case-sensitive. */
                receiptId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Receipt"];
                };
            };
            /** @description Not modified since the answer whose ETag `If-None-Match` names. */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description UNAUTHORIZED */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description FORBIDDEN */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_FOUND */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description METHOD_NOT_ALLOWED */
            405: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description NOT_ACCEPTABLE */
            406: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description URI_TOO_LONG */
            414: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description RATE_LIMIT_EXCEEDED */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description HEAD_TOO_LARGE */
            431: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description INTERNAL_ERROR */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description SERVICE_UNAVAILABLE */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
}
