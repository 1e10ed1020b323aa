-- Sums of `metric_points` over closed hours and days, each window one row, recomputed whole (processor/src/store/rolled-windows.ts). A row is
-- valid while its generation is the number of touches of its window: whoever changes points of a closed window adds a touch before it commits.

CREATE TABLE IF NOT EXISTS rolling_metrics
(
    project_id LowCardinality(String),
    -- 60 or 1440.
    window_minutes UInt32,
    -- The first, since 1970.
    minute UInt32,
    generation UInt64,
    -- One for each set of dimensions, as proto/src/metric-sums.ts sums them.
    rows Array(Tuple(
        kind LowCardinality(String),
        agent_name LowCardinality(String),
        model LowCardinality(String),
        provider LowCardinality(String),
        subject LowCardinality(String),
        environment LowCardinality(String),
        count UInt64,
        error_count UInt64,
        blocked_count UInt64,
        input_tokens UInt128,
        output_tokens UInt128,
        cached_input_tokens UInt128,
        reasoning_tokens UInt128,
        calls_without_usage UInt64,
        cost_units Int128,
        unpriced_count UInt64,
        duration_count UInt64,
        duration_us_sum UInt128,
        duration_buckets Map(Int16, UInt64),
        ttft_buckets Map(Int16, UInt64)
    ))
)
ENGINE = ReplacingMergeTree(generation)
ORDER BY (project_id, window_minutes, minute)
SETTINGS index_granularity = 64;

-- A count of changes, never of events: one too many makes a window be recomputed once more, and nothing else.
CREATE TABLE IF NOT EXISTS rolling_touches
(
    project_id LowCardinality(String),
    window_minutes UInt32,
    minute UInt32,
    touches UInt64
)
ENGINE = SummingMergeTree(touches)
ORDER BY (project_id, window_minutes, minute);

-- Windows that end at or before the greatest minute may have a row: only they have to be touched.
CREATE TABLE IF NOT EXISTS rolling_horizon
(
    minute UInt32
)
ENGINE = ReplacingMergeTree
ORDER BY minute;
