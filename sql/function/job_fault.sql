-- What is wrong with a job that is to be made.
-- in:  its tenant and the state of that (null: unknown here); bytes: of the parameters; the others as job_submit
-- out: SQLSTATE, a blank and the text; null: nothing
create or replace function @schema@.job_fault(tenant text, state text, class_name text, parameters jsonb, bytes int,
    at timestamptz, expires timestamptz, description text, owner text, attempts int, backoff interval, timeout interval,
    related_type text, related_id text) returns text
language sql stable parallel safe
return case
    when state is null then format('JB001 tenant %s is unknown here', quote_nullable(left(tenant, 80)))
    when not coalesce(@schema@.job_class_is_name(class_name), false)
        then format('JB002 class name %s is not of the form [A-Za-z0-9][A-Za-z0-9_.-]{0,127}',
            quote_nullable(left(class_name, 80)))
    when parameters is null or jsonb_typeof(parameters) <> 'object'
        then format('JB003 parameters must be a JSON object, not %s', coalesce(jsonb_typeof(parameters), 'null'))
    when bytes > 1048576 then format('JB003 parameters of %s bytes are over the limit of 1 MiB', bytes)
    when state = 'MAINTENANCE' then format('JB004 tenant "%s" is in maintenance: nothing is taken', tenant)
    when octet_length(description) > 4096 then '22023 description is over the limit of 4 KiB'
    when octet_length(owner) > 255 then '22023 owner is over the limit of 255 bytes'
    when octet_length(related_type) > 255 then '22023 related_type is over the limit of 255 bytes'
    when octet_length(related_id) > 255 then '22023 related_id is over the limit of 255 bytes'
    when concat(owner, related_type, related_id) ~ '[[:cntrl:]]'
        then '22023 owner, related_type and related_id must not hold control characters'
    when attempts not between 1 and 1000 then '22023 attempts must be between 1 and 1000'
    when backoff not between interval '0' and interval '365 days' then '22023 backoff must be between 0 and 365 days'
    when timeout not between interval '1 millisecond' and interval '365 days'
        then '22023 timeout must be between 1 ms and 365 days'
    when not isfinite(at) or not isfinite(expires) then '22023 at and expires must be finite dates'
    end;
