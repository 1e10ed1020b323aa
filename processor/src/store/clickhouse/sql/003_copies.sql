-- What owners of traces read of each other's model calls, to find one call that two instrumentations reported in traces of their own
-- (processor/src/fold/trace-copies.ts). Empty and 0 on all other events.

ALTER TABLE events ADD COLUMN IF NOT EXISTS scope_name LowCardinality(String);
ALTER TABLE events ADD COLUMN IF NOT EXISTS report_rank UInt32;
ALTER TABLE events ADD COLUMN IF NOT EXISTS output_key String CODEC(ZSTD(1));
-- The copy whose counts stand in this row.
ALTER TABLE events ADD COLUMN IF NOT EXISTS usage_from String CODEC(ZSTD(1));

-- Instrumentation scopes that told of model calls. A project with one of them has no copies to look for.
CREATE TABLE IF NOT EXISTS call_scopes
(
    project_id LowCardinality(String),
    scope_name String CODEC(ZSTD(1)),
    added_at DateTime64(3) DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree
ORDER BY (project_id, scope_name);
