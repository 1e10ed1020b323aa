-- Every table holds rows that the owner of a partition writes whole: the newest version of a key wins, a deleted one hides it.
-- The key of `traces` is identity alone, so it is written first and tells which other keys may exist. The other keys begin with the hour, for
-- locality of inserts and reads; when the hour of a row changes, the tombstone of the old key goes into the same insert.

CREATE TABLE IF NOT EXISTS traces
(
    project_id LowCardinality(String),
    trace_id String CODEC(ZSTD(1)),
    version UInt64 CODEC(Delta, ZSTD(1)),
    is_deleted UInt8,
    tenant_id LowCardinality(String),
    -- Hours (since 1970) under which rows of this trace stand in the other tables.
    hour_min UInt32 CODEC(Delta, ZSTD(1)),
    hour_max UInt32 CODEC(Delta, ZSTD(1)),
    start_unix_nano UInt64 CODEC(Delta, ZSTD(1)),
    end_unix_nano UInt64 CODEC(Delta, ZSTD(1)),
    span_count UInt32,
    event_count UInt32,
    -- The stamps of law 3: of the first copy received.
    received_unix_nano UInt64 CODEC(Delta, ZSTD(1)),
    mapping_version UInt32,
    price_version LowCardinality(String),
    settings_version UInt32,
    -- What lists of traces show and filter by (tenant-traces.md 3); derived whole from the trace.
    created_unix_nano UInt64 CODEC(Delta, ZSTD(1)),
    prompt_name LowCardinality(String),
    status LowCardinality(String),
    search_text LowCardinality(String),
    session_ids Array(String) CODEC(ZSTD(1)),
    models Array(LowCardinality(String)),
    tags Array(LowCardinality(String)),
    summary String CODEC(ZSTD(3))
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (project_id, trace_id)
SETTINGS index_granularity = 512, non_replicated_deduplication_window = 1000;

-- The same traces, newest first, for lists (tenant-traces.md 3); filled by every insert into `traces`. A row stays when its trace moves in time
-- or no longer matches: readers ask `traces` whether what they found is still so.
CREATE TABLE IF NOT EXISTS trace_ages
(
    project_id LowCardinality(String),
    -- 2^64 - 1 - created_unix_nano: read in the order of the key, the newest come first, and a page is read without the rest.
    age_nano UInt64 CODEC(Delta, ZSTD(1)),
    trace_id String CODEC(ZSTD(1)),
    version UInt64 CODEC(Delta, ZSTD(1)),
    end_unix_nano UInt64 CODEC(Delta, ZSTD(1)),
    prompt_name LowCardinality(String),
    status LowCardinality(String),
    search_text LowCardinality(String),
    session_ids Array(String) CODEC(ZSTD(1)),
    models Array(LowCardinality(String)),
    tags Array(LowCardinality(String)),
    INDEX session session_ids TYPE bloom_filter(0.001) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (project_id, age_nano, trace_id)
SETTINGS index_granularity = 1024;

CREATE MATERIALIZED VIEW IF NOT EXISTS trace_ages_mv TO trace_ages AS
SELECT project_id, bitNot(created_unix_nano) AS age_nano, trace_id, version, end_unix_nano, prompt_name, status, search_text, session_ids, models, tags
FROM traces
WHERE is_deleted = 0 AND event_count > 0;

CREATE TABLE IF NOT EXISTS spans
(
    project_id LowCardinality(String),
    hour UInt32 CODEC(Delta, ZSTD(1)),
    trace_id String CODEC(ZSTD(1)),
    span_id String CODEC(ZSTD(1)),
    version UInt64 CODEC(Delta, ZSTD(1)),
    is_deleted UInt8,
    start_unix_nano UInt64 CODEC(Delta, ZSTD(1)),
    end_unix_nano UInt64 CODEC(Delta, ZSTD(1)),
    received_unix_nano UInt64 CODEC(Delta, ZSTD(1)),
    name LowCardinality(String),
    service_name LowCardinality(String),
    class LowCardinality(String),
    rule_id LowCardinality(String),
    -- Of spans of class agent: the name they state themselves.
    agent_name LowCardinality(String),
    status_code UInt8,
    mapping_version UInt32,
    price_version LowCardinality(String),
    settings_version UInt32,
    -- OTLP protobuf of the span, its resource and its scope: lossless after masking (proto/src/stored-span.ts).
    span String CODEC(ZSTD(3)),
    resource String CODEC(ZSTD(3)),
    scope String CODEC(ZSTD(3)),
    INDEX trace trace_id TYPE bloom_filter(0.001) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (project_id, hour, trace_id, span_id)
SETTINGS index_granularity = 1024, non_replicated_deduplication_window = 1000;

CREATE TABLE IF NOT EXISTS events
(
    project_id LowCardinality(String),
    hour UInt32 CODEC(Delta, ZSTD(1)),
    trace_id String CODEC(ZSTD(1)),
    event_id String CODEC(ZSTD(1)),
    version UInt64 CODEC(Delta, ZSTD(1)),
    is_deleted UInt8,
    event_type LowCardinality(String),
    time_unix_nano UInt64 CODEC(Delta, ZSTD(1)),
    duration_ms Nullable(Float64),
    span_id String CODEC(ZSTD(1)),
    name String CODEC(ZSTD(1)),
    session_id String CODEC(ZSTD(1)),
    turn_id String CODEC(ZSTD(1)),
    agent_name LowCardinality(String),
    environment LowCardinality(String),
    status LowCardinality(String),
    rule_id LowCardinality(String),
    duplicate_of String CODEC(ZSTD(1)),
    decision_kind LowCardinality(String),
    -- Model calls.
    operation LowCardinality(String),
    provider LowCardinality(String),
    request_model LowCardinality(String),
    response_model LowCardinality(String),
    response_id String CODEC(ZSTD(1)),
    prompt_name LowCardinality(String),
    input_tokens Nullable(UInt64),
    output_tokens Nullable(UInt64),
    total_tokens Nullable(UInt64),
    cached_input_tokens Nullable(UInt64),
    cache_write_input_tokens Nullable(UInt64),
    reasoning_tokens Nullable(UInt64),
    usage_partial UInt8,
    -- Cost in units of 10^-12 USD; where it came from; the price table by name and version.
    cost_units Nullable(Int64),
    cost_input_units Nullable(Int64),
    cost_output_units Nullable(Int64),
    cost_source LowCardinality(String),
    ttft_ms Nullable(Float64),
    -- Tools, guardrails, handoffs, errors: tool name, guardrail name, "from -> to", error type.
    subject LowCardinality(String),
    is_error UInt8,
    blocked UInt8,
    handled UInt8,
    propagated UInt8,
    -- The first 200 characters of an error's message.
    preview String CODEC(ZSTD(1)),
    INDEX trace trace_id TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX session session_id TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX response response_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (project_id, hour, trace_id, event_id)
SETTINGS index_granularity = 2048, non_replicated_deduplication_window = 1000;

-- What one trace contributes to one session. A session is the fold of its rows; a trace that moves leaves a tombstone.
CREATE TABLE IF NOT EXISTS sessions
(
    project_id LowCardinality(String),
    hour UInt32 CODEC(Delta, ZSTD(1)),
    session_id String CODEC(ZSTD(1)),
    trace_id String CODEC(ZSTD(1)),
    version UInt64 CODEC(Delta, ZSTD(1)),
    is_deleted UInt8,
    start_unix_nano UInt64 CODEC(Delta, ZSTD(1)),
    end_unix_nano UInt64 CODEC(Delta, ZSTD(1)),
    id_reported UInt8,
    agents Array(LowCardinality(String)),
    environment LowCardinality(String),
    channel LowCardinality(String),
    user_id String CODEC(ZSTD(1)),
    models Array(LowCardinality(String)),
    tags Array(String) CODEC(ZSTD(1)),
    error_count UInt32,
    -- SessionPart (proto/src/tables.ts) as JSON: counts, tokens, cost, turns, metadata.
    part String CODEC(ZSTD(3)),
    INDEX session session_id TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX trace trace_id TYPE bloom_filter(0.001) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (project_id, hour, session_id, trace_id)
SETTINGS index_granularity = 1024, non_replicated_deduplication_window = 1000;

-- What one trace contributes to one minute and one set of dimensions. Every rolling metric is a sum over it.
CREATE TABLE IF NOT EXISTS metric_points
(
    project_id LowCardinality(String),
    -- Minutes since 1970.
    minute UInt32 CODEC(Delta, ZSTD(1)),
    -- llm_call, tool, guardrail, handoff, error, response
    kind LowCardinality(String),
    agent_name LowCardinality(String),
    model LowCardinality(String),
    provider LowCardinality(String),
    -- Tool name, guardrail name, "from -> to", error type.
    subject LowCardinality(String),
    environment LowCardinality(String),
    trace_id String CODEC(ZSTD(1)),
    version UInt64 CODEC(Delta, ZSTD(1)),
    is_deleted UInt8,
    count UInt32,
    error_count UInt32,
    blocked_count UInt32,
    input_tokens UInt64,
    output_tokens UInt64,
    cached_input_tokens UInt64,
    reasoning_tokens UInt64,
    calls_without_usage UInt32,
    cost_units Int64,
    unpriced_count UInt32,
    duration_count UInt32,
    duration_us_sum UInt64,
    -- Exponential histogram: bucket index -> count (proto/src/histogram.ts).
    duration_buckets Map(Int16, UInt32),
    ttft_buckets Map(Int16, UInt32),
    INDEX trace trace_id TYPE bloom_filter(0.001) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (project_id, minute, kind, agent_name, model, provider, subject, environment, trace_id)
SETTINGS index_granularity = 2048, non_replicated_deduplication_window = 1000;
