-- What an event says beside the columns of the outbox, as text, or null when there is nothing (the usual case, kept cheap):
-- the W3C trace context and a line feed, where one was given; then the text of a JSON object with further members of its data; then
-- a line feed and the result.
-- in:  columns of t_job_info; result, error_kind and error only for the change that brought them
-- out: result up to 4 KiB (else "resultOmitted": true), error message up to 4,096 characters
create or replace function @schema@.job_extras(owner text, description text, related_type text, related_id text,
    result_class_name text, result jsonb, error_kind text, error text, traceparent text) returns text
language sql stable parallel safe -- as what it calls: otherwise it is not inlined
return case when coalesce(owner, description, related_type, related_id, result_class_name, error_kind, error, traceparent) is null
        and result is null
    then null
    else coalesce(traceparent || chr(10), '') || jsonb_strip_nulls(jsonb_build_object(
        'owner', owner, 'relatedType', related_type, 'relatedId', related_id, 'description', description,
        'resultClassName', result_class_name,
        'resultOmitted', case when octet_length(result::text) > 4096 then true end,
        'error', case when error_kind is not null
            then jsonb_build_object('kind', error_kind, 'message', coalesce(left(error, 4096), '')) end))::text
        -- the result is put in as text: jsonb_strip_nulls would take nulls out of it
        || case when octet_length(result::text) <= 4096 then chr(10) || result::text else '' end
    end;
