/** What the audit asks the store: the points that the events of an hour should give, beside those that are there. */

/**
 * A sample of the hour's traces whose points differ from a recount of their events; a row for each that does.
 *
 * The recount is written anew, from the narrow rows alone, and so misses what they do not hold: whether a check is an evaluation, which counts
 * in no rate (of guardrails only a surplus of points shows), and the buckets of histograms (their totals are compared). Sums that spans drove
 * beyond 2^53 are left out: points clamp them.
 * Parameters: project:String, hour:UInt32, sample:UInt32, samples:UInt32, countMax:UInt32.
 */
export const driftingTraces = `
  SELECT trace_id, any(kind) AS kind, any(minute) AS minute FROM (
    SELECT trace_id, minute, kind, agent_name, model, provider, subject, environment,
           sum(count) AS c, sum(error_count) AS e, sum(blocked_count) AS b, sum(input_tokens) AS ti, sum(output_tokens) AS tout,
           sum(cached_input_tokens) AS tc, sum(reasoning_tokens) AS tr, sum(calls_without_usage) AS wu, sum(cost_units) AS cu,
           sum(unpriced_count) AS up, sum(duration_count) AS dc, sum(duration_us_sum) AS du, sum(duration_histogram) AS dh, sum(ttft_count) AS tt,
           max(greatest(abs(input_tokens), abs(output_tokens), abs(cached_input_tokens), abs(reasoning_tokens), abs(duration_us_sum))) AS largest
    FROM (
      SELECT trace_id, toUInt32(intDiv(time_unix_nano, 60000000000)) AS minute,
             multiIf(event_type = 'tool_result', 'tool', event_type = 'guardrail_eval', 'guardrail', event_type) AS kind,
             toString(agent_name) AS agent_name,
             if(event_type = 'llm_call', if(response_model != '', toString(response_model), toString(request_model)), '') AS model,
             if(event_type = 'llm_call', toString(provider), '') AS provider,
             if(event_type IN ('llm_call', 'response'), '', toString(subject)) AS subject, toString(environment) AS environment,
             toInt64(1) AS count,
             toInt64(multiIf(event_type = 'tool_result', is_error, event_type = 'error', 1, status = 'error')) AS error_count,
             toInt64(blocked) AS blocked_count,
             if(is_call AND NOT usage_partial, toInt128(ifNull(input_tokens, 0)), 0) AS input_tokens,
             if(is_call AND NOT usage_partial, toInt128(ifNull(output_tokens, 0)), 0) AS output_tokens,
             if(is_call AND NOT usage_partial, toInt128(ifNull(cached_input_tokens, 0)), 0) AS cached_input_tokens,
             if(is_call AND NOT usage_partial, toInt128(ifNull(reasoning_tokens, 0)), 0) AS reasoning_tokens,
             toInt64(is_call AND events.input_tokens IS NULL AND events.output_tokens IS NULL) AS calls_without_usage,
             if(is_call, toInt128(ifNull(cost_units, 0)), 0) AS cost_units,
             toInt64(is_call AND events.cost_units IS NULL) AS unpriced_count,
             toInt64(duration_ms IS NOT NULL) AS duration_count,
             toInt128(floor(ifNull(duration_ms, 0) * 1000 + 0.5)) AS duration_us_sum,
             toInt64(duration_ms IS NOT NULL) AS duration_histogram,
             toInt64(is_call AND ttft_ms IS NOT NULL) AS ttft_count,
             event_type = 'llm_call' AS is_call
      FROM events FINAL
      WHERE project_id = {project:String} AND hour = {hour:UInt32} AND cityHash64(trace_id) % {samples:UInt32} = {sample:UInt32}
        AND (event_type IN ('tool_result', 'guardrail_eval', 'handoff', 'response')
          OR event_type = 'llm_call' AND duplicate_of = '' OR event_type = 'error' AND NOT handled AND NOT propagated)
      UNION ALL
      SELECT trace_id, minute, toString(kind), toString(agent_name), toString(model), toString(provider), toString(subject), toString(environment),
             -toInt64(count), -toInt64(error_count), -toInt64(blocked_count), -toInt128(input_tokens), -toInt128(output_tokens),
             -toInt128(cached_input_tokens), -toInt128(reasoning_tokens), -toInt64(calls_without_usage), -toInt128(cost_units),
             -toInt64(unpriced_count), -toInt64(duration_count), -toInt128(duration_us_sum),
             -toInt64(arraySum(mapValues(duration_buckets))), -toInt64(arraySum(mapValues(ttft_buckets))), kind = 'llm_call'
      FROM metric_points FINAL
      WHERE project_id = {project:String} AND minute >= {hour:UInt32} * 60 AND minute < {hour:UInt32} * 60 + 60
        AND cityHash64(trace_id) % {samples:UInt32} = {sample:UInt32}
    )
    GROUP BY trace_id, minute, kind, agent_name, model, provider, subject, environment
    HAVING if(kind = 'guardrail', c < 0, c != 0 OR e != 0 OR b != 0 OR wu != 0 OR cu != 0 OR up != 0 OR dc != 0 OR dh != 0 OR tt != 0
      OR largest < 9000000000000000 AND (ti != 0 OR tout != 0 OR tc != 0 OR tr != 0 OR du != 0))
  )
  GROUP BY trace_id ORDER BY trace_id LIMIT {countMax:UInt32}`;

/** Hours with events or points, at random. Parameters: countMax:UInt32. */
export const randomHours = `
  SELECT project_id, hour, sum(rows) AS rows FROM (
    SELECT project_id, hour, count() AS rows FROM events GROUP BY project_id, hour
    UNION ALL
    SELECT project_id, toUInt32(intDiv(minute, 60)) AS hour, count() AS rows FROM metric_points GROUP BY project_id, hour
  )
  GROUP BY project_id, hour ORDER BY rand() LIMIT {countMax:UInt32}`;
